// The KVM structures that end in an array, as C++ must see them.
//
// <linux/kvm.h> writes the array with a macro that puts an empty struct before it. An empty struct
// has size 0 in C and size 1 in C++, so in C++ those structures, and with them the ioctl numbers
// that carry their size, come out wrong (Linux 6.1 uapi). Hence the headers alone, with C's layout,
// and the numbers made from them. The entries follow the header directly.
#pragma once

#include <linux/kvm.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace vmtest {

struct KvmArrayHeader {  // kvm_cpuid2 and kvm_msrs alike: a count and four bytes of padding
  uint32_t count;
  uint32_t padding;
};
static_assert(sizeof(KvmArrayHeader) == 8);

inline constexpr unsigned long kKvmGetSupportedCpuid = _IOWR(KVMIO, 0x05, KvmArrayHeader);
inline constexpr unsigned long kKvmSetCpuid2 = _IOW(KVMIO, 0x90, KvmArrayHeader);
inline constexpr unsigned long kKvmSetMsrs = _IOW(KVMIO, 0x89, KvmArrayHeader);

// A header and its entries in one piece of memory.
template <typename Entry>
class KvmArray {
 public:
  explicit KvmArray(uint32_t count)
      : bytes_((sizeof(KvmArrayHeader) + count * sizeof(Entry) + 7) / 8) {
    SetCount(count);
  }
  explicit KvmArray(std::span<const Entry> entries)
      : KvmArray(static_cast<uint32_t>(entries.size())) {
    if (!entries.empty()) {
      std::memcpy(bytes_.data() + 1, entries.data(), entries.size_bytes());
    }
  }

  void* data() { return bytes_.data(); }
  // The count as the kernel left it; never more than what was reserved.
  std::vector<Entry> Entries() const {
    KvmArrayHeader header;
    std::memcpy(&header, bytes_.data(), sizeof(header));
    const size_t reserved = (bytes_.size() - 1) * 8 / sizeof(Entry);
    std::vector<Entry> entries(std::min<size_t>(header.count, reserved));
    if (!entries.empty()) {
      std::memcpy(entries.data(), bytes_.data() + 1, entries.size() * sizeof(Entry));
    }
    return entries;
  }

 private:
  void SetCount(uint32_t count) {
    const KvmArrayHeader header{.count = count, .padding = 0};
    std::memcpy(bytes_.data(), &header, sizeof(header));
  }

  std::vector<uint64_t> bytes_;  // 64-bit words, for the alignment
};

}  // namespace vmtest
