#include "bus/bus.h"

#include <fmt/format.h>

#include <algorithm>

namespace vmtest {

Result<> Bus::Add(uint64_t start, uint64_t size, BusDevice& device, std::string name) {
  if (size == 0 || size - 1 > UINT64_MAX - start) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: no such address range", name));
  }
  const auto next = ranges_.lower_bound(start);
  if (next != ranges_.end() && next->first - start < size) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} overlaps {} at {:#x}", name, next->second.name, next->first));
  }
  if (next != ranges_.begin()) {
    const auto& [before_start, before] = *std::prev(next);
    if (start - before_start < before.size) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} overlaps {} at {:#x}", name, before.name, start));
    }
  }
  ranges_.emplace(start, Range{.size = size, .device = &device, .name = std::move(name)});
  return {};
}

Bus::Hit Bus::Find(uint64_t address, uint64_t size) const {
  auto after = ranges_.upper_bound(address);
  if (after == ranges_.begin()) {
    return {};
  }
  const auto& [start, range] = *std::prev(after);
  const uint64_t offset = address - start;
  if (offset >= range.size || size > range.size - offset) {
    return {};
  }
  return {.device = range.device, .offset = offset};
}

bool Bus::Read(uint64_t address, std::span<uint8_t> data) const {
  const Hit hit = Find(address, data.size());
  if (hit.device == nullptr) {
    std::ranges::fill(data, uint8_t{0xff});
    return false;
  }
  hit.device->Read(hit.offset, data);
  return true;
}

bool Bus::Write(uint64_t address, std::span<const uint8_t> data) const {
  const Hit hit = Find(address, data.size());
  if (hit.device == nullptr) {
    return false;
  }
  hit.device->Write(hit.offset, data);
  return true;
}

}  // namespace vmtest
