// How many bits the guest-physical addresses of a VM have (KVM API 4.2, KVM_VM_TYPE_ARM_IPA_SIZE).
#pragma once

#include <cstdint>

#include "kvm/kvm.h"

namespace vmtest::arm64 {

// The type for KVM_CREATE_VM of a guest whose memory ends at `end`. kUnsupported, about "memory",
// when this host's CPU cannot address so much.
Result<unsigned long> VmType(const Kvm& kvm, uint64_t end);

}  // namespace vmtest::arm64
