// Where one virtio device answers in a guest, and how it interrupts: what the firmware tables list.
#pragma once

#include <cstdint>

namespace vmtest {

struct VirtioSlot {
  uint64_t address;
  uint64_t size;
  uint32_t gsi;  // KVM's number of the interrupt line
};

}  // namespace vmtest
