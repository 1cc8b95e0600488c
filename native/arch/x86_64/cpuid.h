// What a guest's CPUs say of themselves: the host's CPUID leaves, with the topology of this guest.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <span>
#include <vector>

#include "kvm/kvm.h"
#include "kvm/vcpu.h"

namespace vmtest::x86 {

// The CPUID leaves that this host's KVM can give to a guest (KVM_GET_SUPPORTED_CPUID).
Result<std::vector<kvm_cpuid_entry2>> SupportedCpuid(const Kvm& kvm);

struct CpuidConfig {
  uint32_t vcpu;      // this CPU's number, and its APIC ID
  uint32_t cpus;      // of the guest
  bool nested;        // leave VMX and SVM visible
  bool tsc_deadline;  // KVM emulates the TSC-deadline timer (KVM_CAP_TSC_DEADLINE_TIMER)
};

// Pure: the host's leaves in, the guest's out. All CPUs are cores of one package, one thread each.
std::vector<kvm_cpuid_entry2> GuestCpuid(std::span<const kvm_cpuid_entry2> host,
                                         const CpuidConfig& config);

Result<> SetCpuid(const Vcpu& vcpu, std::span<const kvm_cpuid_entry2> entries);

}  // namespace vmtest::x86
