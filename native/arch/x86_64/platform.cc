#include "arch/x86_64/platform.h"

#include "kvm/ioctl.h"

namespace vmtest::x86 {

Result<> ReservePages(const Vm& vm, uint64_t tss_address, uint64_t identity_map_address) {
  VM_TRY(KvmIoctl(vm.fd(), KVM_SET_IDENTITY_MAP_ADDR, &identity_map_address,
                  "place the identity map (KVM_SET_IDENTITY_MAP_ADDR)"));
  VM_TRY(
      KvmIoctl(vm.fd(), KVM_SET_TSS_ADDR, tss_address, "place the task state (KVM_SET_TSS_ADDR)"));
  return {};
}

Result<> CreateIrqChip(const Vm& vm) {
  VM_TRY(KvmIoctl(vm.fd(), KVM_CREATE_IRQCHIP, 0, "create the interrupt controllers"));
  return {};
}

Result<> CreatePit(const Vm& vm) {
  const kvm_pit_config config{.flags = KVM_PIT_SPEAKER_DUMMY, .pad = {}};
  VM_TRY(KvmIoctl(vm.fd(), KVM_CREATE_PIT2, &config, "create the timer (KVM_CREATE_PIT2)"));
  return {};
}

}  // namespace vmtest::x86
