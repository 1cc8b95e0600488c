#include "kvm/vm.h"

#include <fmt/format.h>

#include "kvm/ioctl.h"

namespace vmtest {

Result<Vm> Vm::Create(const Kvm& kvm, unsigned long type) {
  UniqueFd fd = VM_TRY(kvm.CreateVm(type));
  const size_t map_size = VM_TRY(kvm.VcpuMapSize());
  return Vm(std::move(fd), map_size);
}

Result<> Vm::SetMemory(const GuestMemory& memory) {
  uint32_t slot = 0;
  for (const MemoryRegion& region : memory.regions()) {
    const kvm_userspace_memory_region request{
        .slot = slot++,
        .flags = 0,
        .guest_phys_addr = region.start,
        .memory_size = region.size,
        // The address of our mapping, as the API wants it: the one cast from host pointer to
        // number.
        .userspace_addr = reinterpret_cast<uintptr_t>(region.host)};
    VM_TRY(KvmIoctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, &request,
                    fmt::format("give {} MiB of memory at {:#x} to the guest", region.size / kMiB,
                                region.start)));
  }
  return {};
}

Result<> Vm::AttachIrq(const EventFd& event, uint32_t gsi) {
  kvm_irqfd request{};
  request.fd = static_cast<uint32_t>(event.fd());
  request.gsi = gsi;
  VM_TRY(KvmIoctl(fd_.get(), KVM_IRQFD, &request, fmt::format("attach interrupt line {}", gsi)));
  return {};
}

Result<> Vm::AttachNotify(const EventFd& event, uint64_t address, std::optional<uint32_t> value) {
  kvm_ioeventfd request{};
  request.addr = address;
  request.len = 4;
  request.fd = event.fd();
  if (value) {
    request.datamatch = *value;
    request.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
  }
  VM_TRY(KvmIoctl(fd_.get(), KVM_IOEVENTFD, &request,
                  fmt::format("attach a queue notification at {:#x}", address)));
  return {};
}

Result<Vcpu> Vm::CreateVcpu(uint32_t id) {
  UniqueFd fd(VM_TRY(KvmIoctl(fd_.get(), KVM_CREATE_VCPU, static_cast<unsigned long>(id),
                              fmt::format("create vCPU {}", id))));
  return Vcpu::Create(std::move(fd), vcpu_map_size_, id);
}

Result<> Vm::Enable(uint32_t capability, std::string_view what) const {
  kvm_enable_cap request{};
  request.cap = capability;
  VM_TRY(KvmIoctl(fd_.get(), KVM_ENABLE_CAP, &request, what));
  return {};
}

int Vm::Extension(int capability) const {
  return KvmIoctl(fd_.get(), KVM_CHECK_EXTENSION, capability, "check a KVM extension").value_or(0);
}

}  // namespace vmtest
