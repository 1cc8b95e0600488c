// What a driver asks of a block device (virtio 1.2, section 5.2.6), as checked values.
//
//   readable:  le32 type, le32 reserved, le64 sector | data of a write, or ranges
//   writable:  data of a read, or the serial          | status byte, the very last one
#pragma once

#include <cstdint>
#include <optional>
#include <tl/expected.hpp>
#include <vector>

#include "virtio/queue.h"

namespace vmtest {

// Section 5.2.6.
enum class BlkStatus : uint8_t {
  kOk = 0,
  kIoError = 1,
  kUnsupported = 2,
};

// In bytes, within the disk.
struct BlkRange {
  uint64_t offset;
  uint64_t length;
  bool unmap;  // of write-zeroes
};

struct BlkRequest {
  enum class Type { kRead, kWrite, kFlush, kGetId, kDiscard, kWriteZeroes };
  Type type;
  // kRead: into the writable part, from its start. kWrite: from the readable part, after the
  // header.
  uint64_t offset = 0;
  uint64_t length = 0;
  std::vector<BlkRange> ranges;  // kDiscard and kWriteZeroes, at least one
};

inline constexpr uint64_t kBlkHeaderSize = 16;
inline constexpr uint64_t kBlkSerialSize = 20;
// What the configuration space promises for discard and write-zeroes.
inline constexpr uint32_t kBlkMaxRanges = 32;
inline constexpr uint32_t kBlkMaxRangeSectors = 1u << 21;  // 1 GiB

struct BlkLimits {
  uint64_t size;  // bytes, a multiple of 512
  bool read_only;
};

// The request, or the status to answer with. Needs a chain with room for that status.
tl::expected<BlkRequest, BlkStatus> ParseBlkRequest(const Chain& chain, const BlkLimits& limits);

}  // namespace vmtest
