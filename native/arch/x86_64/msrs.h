// What firmware would have left behind in a CPU: model-specific registers and local APIC pins.
#pragma once

#include "kvm/vcpu.h"

namespace vmtest::x86 {

// Fast string operations on; all memory write-back in the MTRRs, so that Linux has nothing to
// repair.
Result<> SetBootMsrs(const Vcpu& vcpu);

// LINT0 = ExtINT (the 8259s), LINT1 = NMI, as the MultiProcessor Specification 1.4, section 3.6.1,
// asks for. Needs the in-kernel local APIC.
Result<> SetLocalApicPins(const Vcpu& vcpu);

}  // namespace vmtest::x86
