#include "arch/aarch64/vcpu_init.h"

#include <fmt/format.h>
#include <linux/kvm.h>

#include "arch/aarch64/one_reg.h"
#include "kvm/ioctl.h"
#include "memory/guest_memory.h"

namespace vmtest::arm64 {
namespace {

// Aff3 and Aff2 to Aff0 (Arm ARM DDI 0487, MPIDR_EL1).
constexpr uint64_t kAffinityMask = 0xff'00ff'ffff;

// ID_AA64MMFR0_EL1: which translation granules there are. 4 and 64 KiB count from zero and have 15
// for "none"; 16 KiB has zero for it.
constexpr unsigned kGranule16Shift = 20;
constexpr unsigned kGranule64Shift = 24;
constexpr unsigned kGranule4Shift = 28;
constexpr uint64_t kFieldMask = 0xf;

// The private interrupt of the performance monitor, as the device tree has it: 16 + 7.
constexpr int kPmuInterrupt = 23;

Result<> Demand(const Vm& vm, int capability, const char* option, std::string_view what) {
  if (vm.Extension(capability) > 0) {
    return {};
  }
  return About(option, Result<>(Fail(ErrorCode::kUnsupported,
                                     fmt::format("this host's KVM gives guests no {}", what))));
}

}  // namespace

Result<> InitVcpu(const Vm& vm, const Vcpu& vcpu, const VcpuFeatures& features) {
  kvm_vcpu_init init{};
  VM_TRY(KvmIoctl(vm.fd(), KVM_ARM_PREFERRED_TARGET, &init, "ask for the type of the host's CPU"));
  init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
  if (vcpu.id() != 0) {
    init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF;
  }
  if (features.pmu) {
    VM_TRY(Demand(vm, KVM_CAP_ARM_PMU_V3, "pmu", "performance monitor"));
    init.features[0] |= 1U << KVM_ARM_VCPU_PMU_V3;
  }
  if (features.sve) {
    VM_TRY(Demand(vm, KVM_CAP_ARM_SVE, "sve", "scalable vectors"));
    init.features[0] |= 1U << KVM_ARM_VCPU_SVE;
  }
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_ARM_VCPU_INIT, &init, "initialize a vCPU (KVM_ARM_VCPU_INIT)"));
  if (features.sve) {
    const int feature = KVM_ARM_VCPU_SVE;
    VM_TRY(KvmIoctl(vcpu.fd(), KVM_ARM_VCPU_FINALIZE, &feature, "fix a vCPU's vector lengths"));
  }
  return {};
}

Result<> StartPmu(const Vcpu& vcpu) {
  const kvm_device_attr interrupt{.flags = 0,
                                  .group = KVM_ARM_VCPU_PMU_V3_CTRL,
                                  .attr = KVM_ARM_VCPU_PMU_V3_IRQ,
                                  .addr = reinterpret_cast<uintptr_t>(&kPmuInterrupt)};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_SET_DEVICE_ATTR, &interrupt, "wire the performance monitor"));
  const kvm_device_attr start{
      .flags = 0, .group = KVM_ARM_VCPU_PMU_V3_CTRL, .attr = KVM_ARM_VCPU_PMU_V3_INIT, .addr = 0};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_SET_DEVICE_ATTR, &start, "start the performance monitor"));
  return {};
}

Result<> SetEntryState(const Vcpu& vcpu, GuestAddress entry, GuestAddress device_tree) {
  // X1 to X3 must be zero, and are.
  VM_TRY(SetOneReg(vcpu, GeneralRegister(0), device_tree, "register x0"));
  return SetOneReg(vcpu, kProgramCounter, entry, "the program counter");
}

Result<uint64_t> Affinity(const Vcpu& vcpu) {
  return VM_TRY(GetOneReg(vcpu, kMpidr, "MPIDR_EL1")) & kAffinityMask;
}

Result<bool> HasPageSize(const Vcpu& vcpu, uint32_t bytes) {
  const uint64_t features = VM_TRY(GetOneReg(vcpu, kMemoryFeatures0, "ID_AA64MMFR0_EL1"));
  const auto field = [features](unsigned shift) { return (features >> shift) & kFieldMask; };
  switch (bytes) {
    case 4 * kKiB:
      return field(kGranule4Shift) != kFieldMask;
    case 16 * kKiB:
      return field(kGranule16Shift) != 0;
    case 64 * kKiB:
      return field(kGranule64Shift) != kFieldMask;
    default:
      return false;
  }
}

}  // namespace vmtest::arm64
