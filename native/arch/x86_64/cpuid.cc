#include "arch/x86_64/cpuid.h"

#include <algorithm>
#include <bit>

#include "arch/x86_64/abi.h"
#include "kvm/ioctl.h"

namespace vmtest::x86 {
namespace {

// Bits and fields: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E.
constexpr uint32_t kLeaf1EcxVmx = 1u << 5;
constexpr uint32_t kLeaf1EcxTscDeadline = 1u << 24;
constexpr uint32_t kLeaf1EcxHypervisor = 1u << 31;
constexpr uint32_t kLeaf1EdxHtt = 1u << 28;
constexpr uint32_t kExtendedEcxSvm = 1u << 2;

constexpr uint32_t kTopologyThread = 1u << 8;
constexpr uint32_t kTopologyCore = 2u << 8;

bool IsTopologyLeaf(uint32_t function) { return function == 0xb || function == 0x1f; }

void SetField(uint32_t& word, unsigned shift, unsigned width, uint32_t value) {
  const uint32_t mask = ((1u << width) - 1) << shift;
  word = (word & ~mask) | ((value << shift) & mask);
}

// Leaves 4 (Intel) and 0x8000001d (AMD): who shares each cache. Private up to level 2, the last
// level shared by the whole package.
void SetCacheSharing(kvm_cpuid_entry2& entry, const CpuidConfig& config) {
  const uint32_t type = entry.eax & 0x1f;
  if (type == 0) {
    return;
  }
  const uint32_t level = (entry.eax >> 5) & 0x7;
  SetField(entry.eax, 14, 12, level >= 3 ? config.cpus - 1 : 0);
  if (entry.function == 4) {
    SetField(entry.eax, 26, 6, config.cpus - 1);
  }
}

void AddTopologyLeaf(std::vector<kvm_cpuid_entry2>& out, uint32_t function,
                     const CpuidConfig& config) {
  const auto bits = static_cast<uint32_t>(std::bit_width(config.cpus - 1));
  const auto add = [&](uint32_t index, uint32_t shift, uint32_t count, uint32_t type) {
    out.push_back({.function = function,
                   .index = index,
                   .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
                   .eax = shift,
                   .ebx = count,
                   .ecx = type | index,
                   .edx = config.vcpu});
  };
  add(0, 0, 1, kTopologyThread);
  add(1, bits, config.cpus, kTopologyCore);
  add(2, 0, 0, 0);  // the level that ends the list
}

}  // namespace

std::vector<kvm_cpuid_entry2> GuestCpuid(std::span<const kvm_cpuid_entry2> host,
                                         const CpuidConfig& config) {
  std::vector<kvm_cpuid_entry2> out;
  out.reserve(host.size() + 6);
  for (kvm_cpuid_entry2 entry : host) {
    if (IsTopologyLeaf(entry.function)) {
      if (entry.index == 0) {
        AddTopologyLeaf(out, entry.function, config);
      }
      continue;
    }
    switch (entry.function) {
      case 1:
        SetField(entry.ebx, 16, 8, config.cpus);
        SetField(entry.ebx, 24, 8, config.vcpu);
        entry.ecx |= kLeaf1EcxHypervisor;
        // KVM emulates this timer without help from the host's CPU, and so does not report it.
        entry.ecx = config.tsc_deadline ? entry.ecx | kLeaf1EcxTscDeadline
                                        : entry.ecx & ~kLeaf1EcxTscDeadline;
        entry.edx = config.cpus > 1 ? entry.edx | kLeaf1EdxHtt : entry.edx & ~kLeaf1EdxHtt;
        if (!config.nested) {
          entry.ecx &= ~kLeaf1EcxVmx;
        }
        break;
      case 4:
      case 0x8000'001d:
        SetCacheSharing(entry, config);
        break;
      case 0x8000'0001:
        if (!config.nested) {
          entry.ecx &= ~kExtendedEcxSvm;
        }
        break;
      case 0x8000'0008:
        SetField(entry.ecx, 0, 8, config.cpus - 1);
        SetField(entry.ecx, 12, 4, static_cast<uint32_t>(std::bit_width(config.cpus - 1)));
        break;
      case 0x8000'000a:
        if (!config.nested) {
          entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
        }
        break;
      case 0x8000'001e:
        entry.eax = config.vcpu;
        SetField(entry.ebx, 0, 16, config.vcpu);  // core ID, one thread per core
        SetField(entry.ecx, 0, 11, 0);            // one node
        break;
      default:
        break;
    }
    out.push_back(entry);
  }
  return out;
}

Result<std::vector<kvm_cpuid_entry2>> SupportedCpuid(const Kvm& kvm) {
  // KVM answers E2BIG while the array is too small; hosts of 2026 return 40 to 80 entries.
  for (uint32_t capacity = 128; capacity <= 4096; capacity *= 2) {
    KvmArray<kvm_cpuid_entry2> array(capacity);
    const auto got =
        KvmIoctl(kvm.fd(), kKvmGetSupportedCpuid, array.data(), "ask KVM for its CPUID leaves");
    if (got) {
      return array.Entries();
    }
    if (got.error().os_error != E2BIG) {
      return tl::unexpected(got.error());
    }
  }
  return Fail(ErrorCode::kKvm, "KVM reports more CPUID leaves than this program can hold");
}

Result<> SetCpuid(const Vcpu& vcpu, std::span<const kvm_cpuid_entry2> entries) {
  KvmArray<kvm_cpuid_entry2> array(entries);
  VM_TRY(KvmIoctl(vcpu.fd(), kKvmSetCpuid2, array.data(), "set a vCPU's CPUID leaves"));
  return {};
}

}  // namespace vmtest::x86
