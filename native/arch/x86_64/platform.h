// What a PC has besides its CPUs and devices, and KVM has in the kernel.
#pragma once

#include <cstdint>

#include "kvm/vm.h"

namespace vmtest::x86 {

// Three pages that KVM needs on Intel hosts for real mode, and one for the identity map (KVM API
// 4.35 and 4.41). Both must lie in the hole, away from every slot and device.
Result<> ReservePages(const Vm& vm, uint64_t tss_address, uint64_t identity_map_address);
// Local APICs, I/O APIC and 8259s (KVM API 4.24).
Result<> CreateIrqChip(const Vm& vm);
// The 8254 timer with a dummy speaker port 0x61 (KVM API 4.71).
Result<> CreatePit(const Vm& vm);

}  // namespace vmtest::x86
