#include "kvm/kvm.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "kvm/ioctl.h"

namespace vmtest {
namespace {

struct Required {
  int capability;
  const char* name;
};

// Without these the core does not work at all; each has been in Linux since 4.x at the latest.
constexpr Required kRequired[] = {
    {.capability = KVM_CAP_USER_MEMORY, .name = "KVM_CAP_USER_MEMORY"},
    {.capability = KVM_CAP_IRQCHIP, .name = "KVM_CAP_IRQCHIP"},
    {.capability = KVM_CAP_IRQFD, .name = "KVM_CAP_IRQFD"},
    {.capability = KVM_CAP_IOEVENTFD, .name = "KVM_CAP_IOEVENTFD"},
    {.capability = KVM_CAP_IMMEDIATE_EXIT, .name = "KVM_CAP_IMMEDIATE_EXIT"},
};

}  // namespace

Result<Kvm> Kvm::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) {
    return FailErrno(fmt::format("open {}", path));
  }
  Kvm kvm(std::move(fd));
  const int version =
      VM_TRY(KvmIoctl(kvm.fd_.get(), KVM_GET_API_VERSION, 0, "ask for the KVM API version"));
  if (version != KVM_API_VERSION) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} speaks KVM API {}, not {}", path, version, KVM_API_VERSION));
  }
  for (const Required& required : kRequired) {
    if (kvm.Extension(required.capability) <= 0) {
      return Fail(ErrorCode::kUnsupported, fmt::format("{} lacks {}", path, required.name));
    }
  }
  return kvm;
}

int Kvm::Extension(int capability) const {
  return KvmIoctl(fd_.get(), KVM_CHECK_EXTENSION, capability, "check a KVM extension").value_or(0);
}

Result<UniqueFd> Kvm::CreateVm(unsigned long type) const {
  return UniqueFd(VM_TRY(KvmIoctl(fd_.get(), KVM_CREATE_VM, type, "create a VM (KVM_CREATE_VM)")));
}

Result<size_t> Kvm::VcpuMapSize() const {
  return static_cast<size_t>(
      VM_TRY(KvmIoctl(fd_.get(), KVM_GET_VCPU_MMAP_SIZE, 0, "ask for the size of kvm_run")));
}

}  // namespace vmtest
