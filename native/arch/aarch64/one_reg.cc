#include "arch/aarch64/one_reg.h"

#include <fmt/format.h>

#include "kvm/ioctl.h"

namespace vmtest::arm64 {

Result<uint64_t> GetOneReg(const Vcpu& vcpu, uint64_t id, std::string_view what) {
  uint64_t value = 0;
  const kvm_one_reg request{.id = id, .addr = reinterpret_cast<uintptr_t>(&value)};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_GET_ONE_REG, &request, fmt::format("read {}", what)));
  return value;
}

Result<> SetOneReg(const Vcpu& vcpu, uint64_t id, uint64_t value, std::string_view what) {
  const kvm_one_reg request{.id = id, .addr = reinterpret_cast<uintptr_t>(&value)};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_SET_ONE_REG, &request, fmt::format("set {}", what)));
  return {};
}

}  // namespace vmtest::arm64
