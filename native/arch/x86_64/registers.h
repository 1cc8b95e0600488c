// The registers of a vCPU that stands still.
#pragma once

#include <linux/kvm.h>

#include "kvm/vcpu.h"

namespace vmtest::x86 {

Result<kvm_regs> GetRegs(const Vcpu& vcpu);
Result<> SetRegs(const Vcpu& vcpu, const kvm_regs& regs);
Result<kvm_sregs> GetSregs(const Vcpu& vcpu);
Result<> SetSregs(const Vcpu& vcpu, const kvm_sregs& sregs);

}  // namespace vmtest::x86
