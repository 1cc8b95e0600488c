// The zero page (struct boot_params) of Linux's 64-bit boot protocol.
#pragma once

#include <span>

#include "boot/x86_boot_params.h"
#include "boot/x86_memory_map.h"

namespace vmtest::x86 {

// Writes to kZeroPage, which must be RAM. The command line lies at kCommandLine already.
void WriteZeroPage(const LoadedKernel& kernel, const BootConfig& config,
                   std::span<const MemoryMapEntry> map, const GuestMemory& memory);

}  // namespace vmtest::x86
