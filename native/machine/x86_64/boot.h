// What stands in a guest's memory and in its first CPU before it runs.
#pragma once

#include <span>

#include "boot/x86_boot_params.h"
#include "control/guest_config.h"
#include "kvm/vcpu.h"
#include "machine/virtio_slot.h"
#include "memory/guest_memory.h"

namespace vmtest {

// Loads kernel and initrd, writes the firmware tables and the boot parameters. Errors name their
// subject ("kernel", "initrd", "cmdline").
Result<BootPlan> PrepareBoot(const GuestConfig& config, std::span<const VirtioSlot> virtio,
                             const GuestMemory& memory);

// Sets the registers of the first vCPU; the others wait for their start-up IPI.
Result<> SetEntryState(const Vcpu& vcpu, const BootPlan& plan, const GuestMemory& memory);

}  // namespace vmtest
