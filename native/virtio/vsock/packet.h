// The header of every vsock packet, as values (virtio 1.2, section 5.10.6).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace vmtest::vsock {

inline constexpr size_t kHeaderSize = 44;
// The most payload that one packet of ours carries. Linux itself sends at most as much.
inline constexpr uint32_t kMaxPayload = 64 * 1024;

// Context identifiers: 5.10.4. Both are constants, because nothing on the host is global: each
// device serves one guest, and no two guests can meet.
inline constexpr uint64_t kHostCid = 2;
inline constexpr uint64_t kGuestCid = 3;

inline constexpr uint16_t kTypeStream = 1;

enum class Op : uint16_t {
  kInvalid = 0,
  kRequest = 1,
  kResponse = 2,
  kReset = 3,
  kShutdown = 4,
  kReadWrite = 5,
  kCreditUpdate = 6,
  kCreditRequest = 7,
};

// Flags of kShutdown, as the sender of the packet means them: 5.10.6.5.
inline constexpr uint32_t kShutdownReceive = 1;  // "I will receive no more"
inline constexpr uint32_t kShutdownSend = 2;     // "I will send no more"
inline constexpr uint32_t kShutdownBoth = kShutdownReceive | kShutdownSend;

struct Header {
  uint64_t src_cid = 0;
  uint64_t dst_cid = 0;
  uint32_t src_port = 0;
  uint32_t dst_port = 0;
  uint32_t len = 0;  // of the payload, in bytes
  uint16_t type = 0;
  Op op = Op::kInvalid;  // may hold a value that has no name
  uint32_t flags = 0;
  uint32_t buf_alloc = 0;
  uint32_t fwd_cnt = 0;

  bool operator==(const Header&) const = default;
};

using HeaderBytes = std::array<uint8_t, kHeaderSize>;

// Every 44 bytes are a header; whether it makes sense is for the reader to judge.
Header ParseHeader(const HeaderBytes& bytes);
HeaderBytes SerialiseHeader(const Header& header);

}  // namespace vmtest::vsock
