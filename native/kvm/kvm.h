// Kvm: the open /dev/kvm; what the host's KVM can do, and the way to a VM.
#pragma once

#include <linux/kvm.h>

#include <string>
#include <vector>

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

  // The CPUID leaves that this host's KVM can give to a guest (KVM_GET_SUPPORTED_CPUID).
  Result<std::vector<kvm_cpuid_entry2>> SupportedCpuid() const;

  // A VM descriptor (KVM_CREATE_VM); see kvm/vm.h.
  Result<UniqueFd> CreateVm() const;

  // Bytes of a vCPU's kvm_run mapping.
  Result<size_t> VcpuMapSize() const;

 private:
  explicit Kvm(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace vmtest
