#include "boot/x86_pvh.h"

#include "base/check.h"
#include "boot/x86_layout.h"

namespace vmtest::x86 {

static_assert(kPvhStartInfo + sizeof(PvhStartInfo) <= kPvhModuleList);
static_assert(kPvhModuleList + sizeof(PvhModule) <= kPvhMemoryMap);

void WritePvhStartInfo(const BootConfig& config, std::span<const MemoryMapEntry> map,
                       const GuestMemory& memory) {
  VMTEST_CHECK(map.size() <= (kZeroPage - kPvhMemoryMap) / sizeof(PvhMemoryMapEntry));
  GuestAddress at = kPvhMemoryMap;
  for (const MemoryMapEntry& entry : map) {
    VMTEST_CHECK(memory.Write(at, PvhMemoryMapEntry{.address = entry.start,
                                                    .size = entry.size,
                                                    .type = static_cast<uint32_t>(entry.type),
                                                    .reserved = 0}));
    at += sizeof(PvhMemoryMapEntry);
  }
  if (config.initrd.has_value()) {
    VMTEST_CHECK(memory.Write(kPvhModuleList, PvhModule{.address = config.initrd->start,
                                                        .size = config.initrd->size(),
                                                        .cmdline = 0,
                                                        .reserved = 0}));
  }
  VMTEST_CHECK(memory.Write(
      kPvhStartInfo, PvhStartInfo{.magic = kPvhMagic,
                                  .version = 1,  // the one with a memory map
                                  .flags = 0,
                                  .module_count = config.initrd.has_value() ? 1U : 0U,
                                  .module_list = config.initrd.has_value() ? kPvhModuleList : 0,
                                  .cmdline = kCommandLine,
                                  .rsdp = config.rsdp,
                                  .memory_map = kPvhMemoryMap,
                                  .memory_map_entries = static_cast<uint32_t>(map.size()),
                                  .reserved = 0}));
}

}  // namespace vmtest::x86
