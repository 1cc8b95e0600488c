#include "boot/x86_memory_map.h"

#include <algorithm>

#include "boot/x86_layout.h"

namespace vmtest::x86 {
namespace {

void Add(std::vector<MemoryMapEntry>& map, GuestAddress start, GuestAddress end, MemoryType type) {
  if (start < end) {
    map.push_back({.start = start, .size = end - start, .type = type});
  }
}

}  // namespace

std::vector<MemoryMapEntry> BuildMemoryMap(std::span<const MemoryRegion> regions) {
  std::vector<MemoryMapEntry> map;
  for (const MemoryRegion& region : regions) {
    const GuestAddress low_end = std::min(region.end(), kExtendedBiosData);
    const GuestAddress high_start = std::max(region.start, kHighMemory);
    Add(map, region.start, low_end, MemoryType::kRam);
    Add(map, std::max(region.start, kExtendedBiosData), std::min(region.end(), kHighMemory),
        MemoryType::kReserved);
    Add(map, high_start, region.end(), MemoryType::kRam);
  }
  return map;
}

}  // namespace vmtest::x86
