#include "boot/x86_zero_page.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "boot/setup_header.h"
#include "boot/x86_layout.h"

namespace vmtest::x86 {

void WriteZeroPage(const LoadedKernel& kernel, const BootConfig& config,
                   std::span<const MemoryMapEntry> map, const GuestMemory& memory) {
  std::array<uint8_t, kZeroPageSize> page = {};
  VMTEST_CHECK(map.size() <= setup::kE820MaxEntries);

  if (kernel.setup_header.empty()) {
    // A vmlinux entered directly has no header of its own. Linux believes these fields by version;
    // 2.12 is what its own PVH entry assumes.
    setup::Put<uint16_t>(page, setup::kBootFlag, setup::kBootFlagValue);
    setup::Put<uint32_t>(page, setup::kMagic, setup::kMagicValue);
    setup::Put<uint16_t>(page, setup::kVersion, 0x020c);
    setup::Put<uint8_t>(page, setup::kLoadflags, setup::kLoadedHigh);
    setup::Put<uint32_t>(page, setup::kCmdlineSize, kernel.cmdline_max);
  } else {
    VMTEST_CHECK(kernel.setup_header.size() <= setup::kHeaderEnd - setup::kHeader);
    std::ranges::copy(kernel.setup_header, page.begin() + setup::kHeader);
  }

  setup::Put<uint8_t>(page, setup::kTypeOfLoader, setup::kLoaderUndefined);
  setup::Put<uint32_t>(page, setup::kCmdLinePtr, kCommandLine);
  if (config.initrd.has_value()) {
    VMTEST_CHECK(config.initrd->end <= kMmioHoleEnd);  // the ext_ramdisk fields stay zero
    setup::Put(page, setup::kRamdiskImage, static_cast<uint32_t>(config.initrd->start));
    setup::Put(page, setup::kRamdiskSize, static_cast<uint32_t>(config.initrd->size()));
  }
  // Kernels before 4.20 ignore it and find the RSDP by looking at kAcpiTables.
  setup::Put<uint64_t>(page, setup::kAcpiRsdpAddr, config.rsdp);

  size_t at = setup::kE820Table;
  for (const MemoryMapEntry& entry : map) {
    setup::Put<uint64_t>(page, at, entry.start);
    setup::Put<uint64_t>(page, at + 8, entry.size);
    setup::Put<uint32_t>(page, at + 16, static_cast<uint32_t>(entry.type));
    at += setup::kE820EntrySize;
  }
  setup::Put(page, setup::kE820Entries, static_cast<uint8_t>(map.size()));
  VMTEST_CHECK(memory.WriteBytes(kZeroPage, page));
}

}  // namespace vmtest::x86
