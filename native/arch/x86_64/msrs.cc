#include "arch/x86_64/msrs.h"

#include <cstring>

#include "arch/x86_64/abi.h"
#include "kvm/ioctl.h"

namespace vmtest::x86 {
namespace {

// Intel SDM volume 4.
constexpr uint32_t kMiscEnable = 0x1a0;
constexpr uint64_t kMiscEnableFastStrings = 1u << 0;
constexpr uint32_t kMtrrDefaultType = 0x2ff;
constexpr uint64_t kMtrrEnabled = 1u << 11;
constexpr uint64_t kMtrrWriteBack = 6;

// Intel SDM volume 3A, 11.5.1: local vector table.
constexpr size_t kLvtLint0 = 0x350;
constexpr size_t kLvtLint1 = 0x360;
constexpr uint32_t kDeliveryModeMask = 0x700;
constexpr uint32_t kDeliveryModeNmi = 0x400;
constexpr uint32_t kDeliveryModeExtInt = 0x700;

Result<> SetMsr(const Vcpu& vcpu, uint32_t index, uint64_t value) {
  const kvm_msr_entry entry{.index = index, .data = value};
  KvmArray<kvm_msr_entry> request(std::span(&entry, 1));
  // Returns how many were taken: an MSR that this host's KVM does not know is no loss here.
  VM_TRY(KvmIoctl(vcpu.fd(), kKvmSetMsrs, request.data(), "set a model-specific register"));
  return {};
}

void SetDeliveryMode(kvm_lapic_state& lapic, size_t offset, uint32_t mode) {
  uint32_t value = 0;
  std::memcpy(&value, lapic.regs + offset, sizeof(value));
  value = (value & ~kDeliveryModeMask) | mode;
  std::memcpy(lapic.regs + offset, &value, sizeof(value));
}

}  // namespace

Result<> SetBootMsrs(const Vcpu& vcpu) {
  VM_TRY(SetMsr(vcpu, kMiscEnable, kMiscEnableFastStrings));
  VM_TRY(SetMsr(vcpu, kMtrrDefaultType, kMtrrEnabled | kMtrrWriteBack));
  return {};
}

Result<> SetLocalApicPins(const Vcpu& vcpu) {
  kvm_lapic_state lapic{};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_GET_LAPIC, &lapic, "read a local APIC"));
  SetDeliveryMode(lapic, kLvtLint0, kDeliveryModeExtInt);
  SetDeliveryMode(lapic, kLvtLint1, kDeliveryModeNmi);
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_SET_LAPIC, &lapic, "set a local APIC"));
  return {};
}

}  // namespace vmtest::x86
