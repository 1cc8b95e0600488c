// What stands in a guest's memory before it runs, and where its first CPU begins.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "arch/aarch64/gic.h"
#include "boot/loaded_kernel.h"
#include "control/guest_config.h"
#include "machine/virtio_slot.h"
#include "memory/guest_memory.h"

namespace vmtest {

struct Arm64Hardware {
  std::vector<uint64_t> cpus;  // the affinity of each
  bool pmu;
  arm64::Gic::Version gic;
  bool its;
};

// Loads kernel and initrd and writes the device tree, which lies at arm64::DeviceTreeAddress.
// Errors name their subject ("kernel", "initrd", "cmdline").
Result<LoadedKernel> PrepareBoot(const GuestConfig& config, const Arm64Hardware& hardware,
                                 std::span<const VirtioSlot> virtio, const GuestMemory& memory);

}  // namespace vmtest
