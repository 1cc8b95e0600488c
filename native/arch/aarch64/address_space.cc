#include "arch/aarch64/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace vmtest::arm64 {
namespace {

constexpr int kFewestBits = 32;   // that can be asked for
constexpr int kDefaultBits = 40;  // of type 0, and of hosts that know no other

}  // namespace

Result<unsigned long> VmType(const Kvm& kvm, uint64_t end) {
  const int most = kvm.Extension(KVM_CAP_ARM_VM_IPA_SIZE);
  const int needed = std::max(kFewestBits, static_cast<int>(std::bit_width(end - 1)));
  const int limit = most > 0 ? most : kDefaultBits;
  if (needed > limit) {
    auto failure = Fail(
        ErrorCode::kUnsupported,
        fmt::format("this host's CPU gives a guest {} bits of physical address, and so much memory "
                    "takes {}",
                    limit, needed));
    failure.value().subject = "memory_mib";
    return failure;
  }
  return most > 0 ? KVM_VM_TYPE_ARM_IPA_SIZE(static_cast<unsigned long>(needed)) : 0UL;
}

}  // namespace vmtest::arm64
