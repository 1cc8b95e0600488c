#include "arch/aarch64/gic.h"

#include <linux/kvm.h>

#include "arch/aarch64/layout.h"
#include "kvm/ioctl.h"

namespace vmtest::arm64 {
namespace {

// GICv2 numbers its CPUs in one byte of bits (Arm IHI 0048, 4.3.12).
constexpr uint32_t kGicV2Cpus = 8;
constexpr uint32_t kGicV3Cpus = 32;  // as many as layout.h has room for

// KVM_CREATE_DEVICE (KVM API 4.79) on a VM.
Result<UniqueFd> CreateDevice(const Vm& vm, uint32_t type, std::string_view what) {
  kvm_create_device request{.type = type, .fd = 0, .flags = 0};
  VM_TRY(KvmIoctl(vm.fd(), KVM_CREATE_DEVICE, &request, what));
  return UniqueFd(static_cast<int>(request.fd));
}

bool CanCreate(const Vm& vm, uint32_t type) {
  kvm_create_device request{.type = type, .fd = 0, .flags = KVM_CREATE_DEVICE_TEST};
  return KvmIoctl(vm.fd(), KVM_CREATE_DEVICE, &request, "look for an interrupt controller")
      .has_value();
}

template <typename T>
Result<> SetAttribute(const UniqueFd& device, uint32_t group, uint64_t attribute, const T& value,
                      std::string_view what) {
  const kvm_device_attr request{
      .flags = 0, .group = group, .attr = attribute, .addr = reinterpret_cast<uintptr_t>(&value)};
  VM_TRY(KvmIoctl(device.get(), KVM_SET_DEVICE_ATTR, &request, what));
  return {};
}

Result<> Place(const UniqueFd& device, uint64_t what, uint64_t address) {
  return SetAttribute(device, KVM_DEV_ARM_VGIC_GRP_ADDR, what, address,
                      "place the interrupt controller");
}

Result<> Initialize(const UniqueFd& device) {
  return SetAttribute(device, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, uint64_t{0},
                      "initialize the interrupt controller");
}

Result<UniqueFd> CreateIts(const Vm& vm) {
  UniqueFd its = VM_TRY(CreateDevice(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, "create the GIC's ITS"));
  VM_TRY(Place(its, KVM_VGIC_ITS_ADDR_TYPE, kGicIts));
  VM_TRY(Initialize(its));
  return its;
}

}  // namespace

Result<Gic::Version> Gic::Choose(const Vm& vm) {
  if (CanCreate(vm, KVM_DEV_TYPE_ARM_VGIC_V3)) {
    return Version::kV3;
  }
  if (CanCreate(vm, KVM_DEV_TYPE_ARM_VGIC_V2)) {
    return Version::kV2;
  }
  return Fail(ErrorCode::kUnsupported, "this host's KVM offers guests no interrupt controller");
}

uint32_t Gic::MaxCpus(Version version) { return version == Version::kV2 ? kGicV2Cpus : kGicV3Cpus; }

Result<Gic> Gic::Create(const Vm& vm, Version version) {
  const bool v3 = version == Version::kV3;
  UniqueFd controller =
      VM_TRY(CreateDevice(vm, v3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2,
                          v3 ? "create a GICv3" : "create a GICv2"));
  if (v3) {
    VM_TRY(Place(controller, KVM_VGIC_V3_ADDR_TYPE_DIST, kGicDistributor));
    VM_TRY(Place(controller, KVM_VGIC_V3_ADDR_TYPE_REDIST, kGicRedistributors));
  } else {
    VM_TRY(Place(controller, KVM_VGIC_V2_ADDR_TYPE_DIST, kGicDistributor));
    VM_TRY(Place(controller, KVM_VGIC_V2_ADDR_TYPE_CPU, kGicV2CpuInterface));
  }
  VM_TRY(SetAttribute(controller, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, kGicInterrupts,
                      "count the interrupts"));
  VM_TRY(Initialize(controller));
  UniqueFd its;
  if (v3 && CanCreate(vm, KVM_DEV_TYPE_ARM_VGIC_ITS)) {
    its = VM_TRY(CreateIts(vm));
  }
  return Gic(version, std::move(controller), std::move(its));
}

}  // namespace vmtest::arm64
