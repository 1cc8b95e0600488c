// Where things lie in the guest-physical address space of an aarch64 guest before its kernel runs.
//
//   0x0000_0000  devices and interrupt controllers (arch/aarch64/layout.h)
//   0x4000_0000  RAM: the kernel at its beginning, as its boot protocol wants it
//      ...       the initrd, as high as it can
//      end       device tree, in the last 2 MiB that the kernel reaches early
//
// A kernel finds its initrd and device tree only in one window of 32 GiB around itself (Linux
// Documentation/arch/arm64/booting.rst, "must be placed within a 1 GB aligned ... 32 GB window").
#pragma once

#include <algorithm>
#include <cstdint>

#include "memory/guest_memory.h"

namespace vmtest::arm64 {

inline constexpr GuestAddress kRam = 1 * kGiB;
inline constexpr uint64_t kBootWindow = 32 * kGiB;

// "The dtb must not exceed 2 megabytes" (booting.rst, 2).
inline constexpr uint64_t kDeviceTreeSize = 2 * kMiB;

// Aligned to its size: then one mapping of 2 MiB covers it.
inline GuestAddress DeviceTreeAddress(const GuestMemory& memory) {
  const uint64_t reach = std::min(memory.size(), kBootWindow);
  return kRam + reach / kDeviceTreeSize * kDeviceTreeSize - kDeviceTreeSize;
}

}  // namespace vmtest::arm64
