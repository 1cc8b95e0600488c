// What a kernel loader leaves behind: the image lies in guest memory, and this says what has to
// happen next. Placing the image is apart from writing boot parameters, which is apart from setting
// registers (arch/), so that formats, protocols and architectures combine freely.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/guest_memory.h"

namespace vmtest {

// The state in which the kernel expects the first vCPU.
enum class EntryProtocol {
  // Xen's PVH ABI: 32-bit protected mode, flat segments, no paging; EBX = start info.
  kPvh32,
  // Linux's 64-bit boot protocol: long mode, identity-mapped pages, flat 64-bit segments with the
  // selectors __BOOT_CS (0x10) and __BOOT_DS (0x18), interrupts off; RSI = zero page.
  kLinux64,
  // arm64: MMU and data cache off, interrupts masked; X0 = device tree.
  kArm64,
};

// A half-open range of guest addresses.
struct AddressRange {
  GuestAddress start = 0;
  GuestAddress end = 0;

  uint64_t size() const { return end - start; }
  bool Overlaps(const AddressRange& other) const { return start < other.end && other.start < end; }
};

struct LoadedKernel {
  EntryProtocol protocol;
  GuestAddress entry;
  // Memory that the kernel may write before it has looked at the memory map. The initrd and the
  // boot parameters must stay out of it.
  AddressRange range;
  // The initrd must begin at or above this, and end at or below that.
  GuestAddress initrd_floor;
  GuestAddress initrd_limit;
  // Longest command line, in bytes without the NUL.
  uint32_t cmdline_max;
  // A bzImage's setup header, bytes 0x1f1 and up of the zero page; empty for an ELF kernel.
  std::vector<uint8_t> setup_header = {};
  // The page size that an arm64 kernel is built for, in bytes; 0: it does not say.
  uint32_t page_size = 0;
};

}  // namespace vmtest
