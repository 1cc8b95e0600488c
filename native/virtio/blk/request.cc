#include "virtio/blk/request.h"

#include <array>
#include <cstring>

#include "virtio/blk/disk_backend.h"

namespace vmtest {
namespace {

// Section 5.2.6.
constexpr uint32_t kTypeIn = 0;
constexpr uint32_t kTypeOut = 1;
constexpr uint32_t kTypeFlush = 4;
constexpr uint32_t kTypeGetId = 8;
constexpr uint32_t kTypeDiscard = 11;
constexpr uint32_t kTypeWriteZeroes = 13;
constexpr uint32_t kFlagUnmap = 1;

struct Header {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};
static_assert(sizeof(Header) == kBlkHeaderSize);

struct RangeOnWire {
  uint64_t sector;
  uint32_t sectors;
  uint32_t flags;
};
static_assert(sizeof(RangeOnWire) == 16);

template <typename T>
std::optional<T> CopyOut(const Chain& chain, uint64_t offset) {
  std::array<uint8_t, sizeof(T)> bytes;
  if (chain.CopyFrom(offset, bytes) != sizeof(T)) {
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// Written so that nothing can wrap: a guest may name any sector.
bool Within(uint64_t sector, uint64_t length, uint64_t size) {
  return sector <= size / kSectorSize && length <= size - sector * kSectorSize;
}

tl::expected<BlkRequest, BlkStatus> ParseTransfer(BlkRequest::Type type, uint64_t sector,
                                                  uint64_t length, const BlkLimits& limits) {
  if (length % kSectorSize != 0 || !Within(sector, length, limits.size)) {
    return tl::unexpected(BlkStatus::kIoError);
  }
  return BlkRequest{.type = type, .offset = sector * kSectorSize, .length = length, .ranges = {}};
}

tl::expected<BlkRequest, BlkStatus> ParseRanges(BlkRequest::Type type, const Chain& chain,
                                                const BlkLimits& limits) {
  const uint64_t bytes = chain.readable_size() - kBlkHeaderSize;
  const uint64_t count = bytes / sizeof(RangeOnWire);
  if (bytes % sizeof(RangeOnWire) != 0 || count == 0 || count > kBlkMaxRanges) {
    return tl::unexpected(BlkStatus::kIoError);
  }
  // 5.2.6.2: unmap belongs to write-zeroes alone; flags that we do not know are not supported.
  const uint32_t known = type == BlkRequest::Type::kWriteZeroes ? kFlagUnmap : 0;
  BlkRequest request{.type = type, .offset = 0, .length = 0, .ranges = {}};
  for (uint64_t i = 0; i < count; ++i) {
    const auto range = CopyOut<RangeOnWire>(chain, kBlkHeaderSize + i * sizeof(RangeOnWire));
    if (!range) {
      return tl::unexpected(BlkStatus::kIoError);
    }
    if ((range->flags & ~known) != 0) {
      return tl::unexpected(BlkStatus::kUnsupported);
    }
    const uint64_t length = range->sectors * kSectorSize;
    if (range->sectors > kBlkMaxRangeSectors || !Within(range->sector, length, limits.size)) {
      return tl::unexpected(BlkStatus::kIoError);
    }
    request.ranges.push_back({.offset = range->sector * kSectorSize,
                              .length = length,
                              .unmap = (range->flags & kFlagUnmap) != 0});
  }
  return request;
}

}  // namespace

tl::expected<BlkRequest, BlkStatus> ParseBlkRequest(const Chain& chain, const BlkLimits& limits) {
  const auto header = CopyOut<Header>(chain, 0);
  if (!header || chain.writable_size() == 0) {
    return tl::unexpected(BlkStatus::kIoError);
  }
  const uint64_t readable = chain.readable_size() - kBlkHeaderSize;
  const uint64_t writable = chain.writable_size() - 1;  // without the status
  const bool writes =
      header->type == kTypeOut || header->type == kTypeDiscard || header->type == kTypeWriteZeroes;
  if (writes && limits.read_only) {
    return tl::unexpected(BlkStatus::kIoError);  // 5.2.6.2
  }
  switch (header->type) {
    case kTypeIn:
      return ParseTransfer(BlkRequest::Type::kRead, header->sector, writable, limits);
    case kTypeOut:
      return ParseTransfer(BlkRequest::Type::kWrite, header->sector, readable, limits);
    case kTypeFlush:
      return BlkRequest{.type = BlkRequest::Type::kFlush, .offset = 0, .length = 0, .ranges = {}};
    case kTypeGetId:
      if (writable < kBlkSerialSize) {
        return tl::unexpected(BlkStatus::kIoError);
      }
      return BlkRequest{
          .type = BlkRequest::Type::kGetId, .offset = 0, .length = kBlkSerialSize, .ranges = {}};
    case kTypeDiscard:
      return ParseRanges(BlkRequest::Type::kDiscard, chain, limits);
    case kTypeWriteZeroes:
      return ParseRanges(BlkRequest::Type::kWriteZeroes, chain, limits);
    default:
      return tl::unexpected(BlkStatus::kUnsupported);
  }
}

}  // namespace vmtest
