// Kvm: the open /dev/kvm; what the host's KVM can do, and the way to a VM.
#pragma once

#include <linux/kvm.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vmtest {

class Kvm {
 public:
  // Opens the device and checks the API version (12, the only stable one) and the extensions that
  // the core is built on. kNotFound, kPermission or kUnsupported say why it cannot be used.
  static Result<Kvm> Open(const std::string& path = "/dev/kvm");

  // KVM_CHECK_EXTENSION on the system; 0 when absent.
  int Extension(int capability) const;

  // A VM descriptor (KVM_CREATE_VM); see kvm/vm.h. `type`: an architecture's own number, 0 for the
  // default.
  Result<UniqueFd> CreateVm(unsigned long type) const;

  // Bytes of a vCPU's kvm_run mapping.
  Result<size_t> VcpuMapSize() const;

  // For what only one architecture asks (arch/).
  int fd() const { return fd_.get(); }

 private:
  explicit Kvm(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace vmtest
