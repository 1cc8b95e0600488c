// What a vCPU's last exit means for the guest, where it means the end.
#pragma once

#include "control/guest_end.h"
#include "kvm/vcpu.h"

namespace vmtest {

// KVM_EXIT_INTERNAL_ERROR (KVM API, section 5), with the registers as they are now.
KvmInternalError DescribeInternalError(const Vcpu& vcpu);

// KVM_EXIT_ARM_NISV (KVM API, section 5): the guest reached for a device with an instruction that
// the hardware does not take apart for KVM, such as a load of two registers. The data are the
// syndrome and the guest's address.
KvmInternalError DescribeUndecodedAccess(const Vcpu& vcpu);

// KVM_EXIT_SYSTEM_EVENT (KVM API, section 5): on arm64 a call of PSCI (Arm DEN0022, SYSTEM_OFF and
// SYSTEM_RESET).
GuestEnd DescribeSystemEvent(const Vcpu& vcpu);

}  // namespace vmtest
