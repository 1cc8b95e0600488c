// The memory map that the kernel is given: the same entries for the zero page's E820 table and for
// PVH, which took over E820's types.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "memory/guest_memory.h"

namespace vmtest::x86 {

// ACPI 6.5, 15.1 "Address Range Types".
enum class MemoryType : uint32_t {
  kRam = 1,
  kReserved = 2,
};

struct MemoryMapEntry {
  GuestAddress start;
  uint64_t size;
  MemoryType type;

  bool operator==(const MemoryMapEntry&) const = default;
};

// RAM as the regions are, with [kExtendedBiosData, kHighMemory) reserved. Ascending, no overlaps.
std::vector<MemoryMapEntry> BuildMemoryMap(std::span<const MemoryRegion> regions);

}  // namespace vmtest::x86
