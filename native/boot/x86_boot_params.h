// Writes what a loaded kernel wants to be told: command line, initrd, memory map and RSDP, as a
// zero page (64-bit entry) or a PVH start info, at the places that x86_layout.h names.
#pragma once

#include <optional>
#include <string_view>

#include "boot/loaded_kernel.h"

namespace vmtest {

struct BootConfig {
  std::string_view cmdline;            // no NUL inside; the kernel's limit applies
  std::optional<AddressRange> initrd;  // from LoadInitrd
  GuestAddress rsdp = 0;               // ACPI root pointer; 0 when there are no tables
};

// Everything that setting the first vCPU's registers needs to know.
struct BootPlan {
  EntryProtocol protocol;
  GuestAddress entry;       // RIP or EIP
  GuestAddress parameters;  // RSI: zero page (kLinux64); EBX: start info (kPvh32)
};

// kInvalidArgument for a command line that the kernel would not take whole.
Result<BootPlan> WriteBootParameters(const LoadedKernel& kernel, const BootConfig& config,
                                     const GuestMemory& memory);

}  // namespace vmtest
