#include "machine/aarch64/boot.h"

#include <sys/random.h>

#include "arch/aarch64/layout.h"
#include "base/check.h"
#include "boot/arm64_layout.h"
#include "boot/command_line.h"
#include "boot/initrd.h"
#include "boot/kernel_loader.h"
#include "devices/pvpanic.h"
#include "devices/register_device.h"
#include "devices/serial16550.h"
#include "firmware/fdt/arm64_tree.h"

namespace vmtest {
namespace {

std::variant<fdt::GicV3, fdt::GicV2> DescribeGic(const Arm64Hardware& hardware) {
  const auto cpus = static_cast<uint32_t>(hardware.cpus.size());
  if (hardware.gic == arm64::Gic::Version::kV2) {
    return fdt::GicV2{
        .distributor = {.address = arm64::kGicDistributor, .size = arm64::kGicV2DistributorSize},
        .cpu_interface = {.address = arm64::kGicV2CpuInterface,
                          .size = arm64::kGicV2CpuInterfaceSize},
        .cpus = cpus};
  }
  fdt::GicV3 gic{
      .distributor = {.address = arm64::kGicDistributor, .size = arm64::kGicV3DistributorSize},
      .redistributors = {.address = arm64::kGicRedistributors,
                         .size = cpus * arm64::kGicRedistributorSize},
      .its = {}};
  if (hardware.its) {
    gic.its = fdt::Range{.address = arm64::kGicIts, .size = arm64::kGicItsSize};
  }
  return gic;
}

fdt::Config DescribeMachine(const Arm64Hardware& hardware, std::span<const VirtioSlot> virtio,
                            const GuestMemory& memory) {
  constexpr uint64_t kPage = RegisterDevice::kSize;
  fdt::Config config{
      .memory = {.address = arm64::kRam, .size = memory.size()},
      .cpus = hardware.cpus,
      .pmu = hardware.pmu,
      .gic = DescribeGic(hardware),
      .pl011 = {.registers = {.address = arm64::kPl011, .size = kPage}, .spi = arm64::kPl011Spi},
      .ns16550 = {.registers = {.address = arm64::kNs16550, .size = Serial16550::kPorts},
                  .spi = arm64::kNs16550Spi},
      .pl031 = {.address = arm64::kPl031, .size = kPage},
      .pvpanic = {.address = arm64::kPvpanic, .size = Pvpanic::kPorts}};
  for (const VirtioSlot& slot : virtio) {
    config.virtio.push_back(
        {.registers = {.address = slot.address, .size = slot.size}, .spi = slot.gsi});
  }
  return config;
}

template <typename T>
Result<> FillRandom(T& value) {
  if (::getrandom(&value, sizeof(value), 0) != ssize_t{sizeof(value)}) {
    return FailErrno("get random bytes for the guest");
  }
  return {};
}

}  // namespace

Result<LoadedKernel> PrepareBoot(const GuestConfig& config, const Arm64Hardware& hardware,
                                 std::span<const VirtioSlot> virtio, const GuestMemory& memory) {
  LoadedKernel kernel = VM_TRY(About("kernel", LoadArm64Kernel(config.kernel, memory)));
  fdt::Config tree = DescribeMachine(hardware, virtio, memory);
  VM_TRY(About("cmdline", CheckCommandLine(config.cmdline, kernel.cmdline_max)));
  tree.cmdline = config.cmdline;
  if (config.initrd) {
    const AddressRange initrd = VM_TRY(About("initrd", LoadInitrd(config.initrd, kernel, memory)));
    tree.initrd = fdt::Range{.address = initrd.start, .size = initrd.size()};
  }
  VM_TRY(FillRandom(tree.rng_seed));
  VM_TRY(FillRandom(tree.kaslr_seed));
  const auto bytes = VM_TRY(fdt::BuildArm64Tree(tree, arm64::kDeviceTreeSize));
  // The loader has kept this place free.
  VMTEST_CHECK(memory.WriteBytes(arm64::DeviceTreeAddress(memory), bytes));
  return kernel;
}

}  // namespace vmtest
