// The start info of the PVH boot ABI (xen/include/public/arch-x86/hvm/start_info.h, version 1).
#pragma once

#include <cstdint>
#include <span>

#include "boot/x86_boot_params.h"
#include "boot/x86_memory_map.h"

namespace vmtest::x86 {

inline constexpr uint32_t kPvhMagic = 0x336ec578;  // "xEn3" with the top bit of the E set

struct PvhStartInfo {
  uint32_t magic;
  uint32_t version;
  uint32_t flags;
  uint32_t module_count;
  uint64_t module_list;  // of PvhModule; the first is the initrd
  uint64_t cmdline;
  uint64_t rsdp;
  uint64_t memory_map;  // of PvhMemoryMapEntry
  uint32_t memory_map_entries;
  uint32_t reserved;
};
static_assert(sizeof(PvhStartInfo) == 56);

struct PvhModule {
  uint64_t address;
  uint64_t size;
  uint64_t cmdline;
  uint64_t reserved;
};
static_assert(sizeof(PvhModule) == 32);

struct PvhMemoryMapEntry {
  uint64_t address;
  uint64_t size;
  uint32_t type;
  uint32_t reserved;
};
static_assert(sizeof(PvhMemoryMapEntry) == 24);

// Writes to kPvhStartInfo, kPvhModuleList and kPvhMemoryMap, which must be RAM. The command line
// lies at kCommandLine already.
void WritePvhStartInfo(const BootConfig& config, std::span<const MemoryMapEntry> map,
                       const GuestMemory& memory);

}  // namespace vmtest::x86
