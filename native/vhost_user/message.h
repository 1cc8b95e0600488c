// The messages of vhost-user as values (QEMU, docs/interop/vhost-user.rst).
//
// Everything a front-end sends is checked here, but for what depends on the state of the back-end.
// Pure: bytes and descriptors in, values out. Numbers are in the byte order of the machine, which
// is little-endian on every one that this project knows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vmtest::vhost_user {

inline constexpr size_t kHeaderSize = 12;
inline constexpr size_t kMaxPayload = 512;  // more than any message that is known has
inline constexpr size_t kMaxRegions = 8;    // VHOST_MEMORY_BASELINE_NREGIONS
inline constexpr size_t kMaxConfig = 256;   // VHOST_USER_MAX_CONFIG_SIZE
inline constexpr size_t kMaxDescriptors = kMaxRegions;

// VHOST_USER_F_PROTOCOL_FEATURES, a bit among those of the device.
inline constexpr uint64_t kFeatureProtocol = uint64_t{1} << 30;
// Bits of GET_PROTOCOL_FEATURES.
inline constexpr uint64_t kProtocolReplyAck = uint64_t{1} << 3;
inline constexpr uint64_t kProtocolConfig = uint64_t{1} << 9;
inline constexpr uint64_t kProtocolResetDevice = uint64_t{1} << 13;

// Those that are known, by the number on the wire; any other value may come.
enum class RequestType : uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kResetOwner = 4,
  kSetMemTable = 5,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kSetVringErr = 14,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kSetVringEnable = 18,
  kGetConfig = 24,
  kSetConfig = 25,
  kResetDevice = 34,
};

struct Header {
  RequestType type{};
  bool wants_ack = false;  // counts with kProtocolReplyAck only
  uint32_t size = 0;       // of the payload, at most kMaxPayload
};

struct GetFeatures {};
struct SetFeatures {
  uint64_t features;
};
struct SetOwner {};
struct ResetOwner {};
struct GetProtocolFeatures {};
struct SetProtocolFeatures {
  uint64_t features;
};
struct MemoryPiece {
  uint64_t guest;   // its address in the guest
  uint64_t size;    // bytes
  uint64_t user;    // its address in the front-end, which is how rings are named
  uint64_t offset;  // in the file
  UniqueFd file;
};
struct SetMemTable {
  std::vector<MemoryPiece> pieces;  // at most kMaxRegions, as they came
};
struct SetVringNum {
  uint32_t ring;
  uint32_t size;
};
struct SetVringAddr {
  uint32_t ring;
  // Addresses in the front-end.
  uint64_t descriptors;
  uint64_t used;
  uint64_t available;
};
struct SetVringBase {
  uint32_t ring;
  uint16_t base;
};
struct GetVringBase {
  uint32_t ring;
};
struct SetVringKick {
  uint32_t ring;
  UniqueFd event;
};
struct SetVringCall {
  uint32_t ring;
  UniqueFd event;  // not valid: the front-end polls
};
struct SetVringErr {
  uint32_t ring;
  UniqueFd event;  // not valid: the front-end does not want to know
};
struct SetVringEnable {
  uint32_t ring;
  bool enable;
};
struct GetConfig {
  uint32_t offset;
  uint32_t size;  // 1 to kMaxConfig
  uint32_t flags;
};
struct SetConfig {
  uint32_t offset;
  std::vector<uint8_t> bytes;
};
struct ResetDevice {};

using Message = std::variant<GetFeatures, SetFeatures, SetOwner, ResetOwner, GetProtocolFeatures,
                             SetProtocolFeatures, SetMemTable, SetVringNum, SetVringAddr,
                             SetVringBase, GetVringBase, SetVringKick, SetVringCall, SetVringErr,
                             SetVringEnable, GetConfig, SetConfig, ResetDevice>;

// "SET_MEM_TABLE", as the document has it, or a number.
std::string RequestName(RequestType type);

// kProtocol for a header that cannot stand before any message, kUnsupported for a message that is
// not known.
Result<Header> ParseHeader(std::span<const uint8_t, kHeaderSize> bytes);

// Takes the descriptors that came with the message. kProtocol for a payload of the wrong size, for
// descriptors too many or too few and for values that no state could make right.
Result<Message> ParseMessage(const Header& header, std::span<const uint8_t> payload,
                             std::vector<UniqueFd> descriptors);

// Replies, with their headers.
std::vector<uint8_t> FormatNumber(RequestType type, uint64_t value);
std::vector<uint8_t> FormatVringBase(uint32_t ring, uint16_t base);
std::vector<uint8_t> FormatConfig(const GetConfig& request, std::span<const uint8_t> bytes);

}  // namespace vmtest::vhost_user
