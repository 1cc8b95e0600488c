// What a vCPU's last exit means for the guest, where it means the end.
#pragma once

#include "control/guest_end.h"
#include "kvm/vcpu.h"

namespace vmtest {

// KVM_EXIT_INTERNAL_ERROR (KVM API, section 5), with the registers as they are now.
KvmInternalError DescribeInternalError(const Vcpu& vcpu);

}  // namespace vmtest
