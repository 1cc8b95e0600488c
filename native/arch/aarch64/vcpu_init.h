// Makes a fresh vCPU one that a kernel can be started on (KVM API 4.82, KVM_ARM_VCPU_INIT).
#pragma once

#include <cstdint>

#include "kvm/vcpu.h"
#include "kvm/vm.h"
#include "memory/guest_memory.h"

namespace vmtest::arm64 {

struct VcpuFeatures {
  bool pmu = false;  // the host's performance monitor
  bool sve = false;  // the host's scalable vectors, with all lengths that KVM offers
};

// The CPU type that fits the host best, PSCI 1.x, 64-bit. The first vCPU runs when it is told to,
// the others wait for CPU_ON. kUnsupported, about "pmu" or "sve", for what the host has not.
Result<> InitVcpu(const Vm& vm, const Vcpu& vcpu, const VcpuFeatures& features);

// For a vCPU that was initialized with `pmu`, once there is an interrupt controller.
Result<> StartPmu(const Vcpu& vcpu);

// What a kernel finds (Linux Documentation/arch/arm64/booting.rst): X0 = the device tree, MMU off,
// interrupts masked, as a reset leaves it.
Result<> SetEntryState(const Vcpu& vcpu, GuestAddress entry, GuestAddress device_tree);

// The affinity fields of MPIDR_EL1: how the device tree names this CPU.
Result<uint64_t> Affinity(const Vcpu& vcpu);

// Whether the CPU translates with pages of so many bytes: 4, 16 or 64 KiB.
Result<bool> HasPageSize(const Vcpu& vcpu, uint32_t bytes);

}  // namespace vmtest::arm64
