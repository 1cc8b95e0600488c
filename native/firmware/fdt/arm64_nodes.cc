#include "firmware/fdt/arm64_nodes.h"

#include <fmt/format.h>

namespace vmtest::fdt {
namespace {

// bindings/interrupt-controller/arm,gic.yaml: what kind, which of them, and how it is signalled.
constexpr uint32_t kShared = 0;
constexpr uint32_t kPrivate = 1;
constexpr uint32_t kEdgeRising = 1;
constexpr uint32_t kLevelHigh = 4;
// Of GICv2 only: for which CPUs a private interrupt is.
constexpr unsigned kCpuMaskShift = 8;

// Private interrupts, as every arm64 system has them (Arm BSA 1.0, 3.6).
constexpr uint32_t kTimerSecure = 13;
constexpr uint32_t kTimerPhysical = 14;
constexpr uint32_t kTimerVirtual = 11;
constexpr uint32_t kTimerHypervisor = 10;
constexpr uint32_t kPmuInterrupt = 7;

constexpr uint32_t kClockHz = 24'000'000;
// What 115200 baud are made of on a PC.
constexpr uint32_t kUartClockHz = 1'843'200;

uint32_t PrivateFlags(const std::variant<GicV3, GicV2>& gic) {
  const auto* const v2 = std::get_if<GicV2>(&gic);
  return kLevelHigh | (v2 == nullptr ? 0 : ((1U << v2->cpus) - 1) << kCpuMaskShift);
}

void Registers(FdtWriter& tree, const Range& range) {
  tree.Wide("reg", {range.address, range.size});
}

void RegistersAndInterrupt(FdtWriter& tree, const Device& device) {
  Registers(tree, device.registers);
  tree.Cells("interrupts", {kShared, device.spi, kEdgeRising});
}

}  // namespace

void DescribeChosen(FdtWriter& tree, const Config& config) {
  const auto node = tree.Begin("chosen");
  tree.String("bootargs", config.cmdline);
  tree.String("stdout-path", fmt::format("/serial@{:x}", config.pl011.registers.address));
  if (config.initrd) {
    tree.Wide("linux,initrd-start", {config.initrd->address});
    tree.Wide("linux,initrd-end", {config.initrd->address + config.initrd->size});
  }
  tree.Bytes("rng-seed", config.rng_seed);
  tree.Wide("kaslr-seed", {config.kaslr_seed});
}

void DescribeMemory(FdtWriter& tree, const Range& memory) {
  const auto node = tree.Begin("memory", memory.address);
  tree.String("device_type", "memory");
  Registers(tree, memory);
}

void DescribeCpus(FdtWriter& tree, const std::vector<uint64_t>& cpus) {
  const auto node = tree.Begin("cpus");
  tree.Cells("#address-cells", {2});
  tree.Cells("#size-cells", {0});
  for (const uint64_t affinity : cpus) {
    const auto cpu = tree.Begin("cpu", affinity);
    tree.String("device_type", "cpu");
    tree.String("compatible", "arm,armv8");
    tree.String("enable-method", "psci");
    tree.Wide("reg", {affinity});
  }
}

void DescribePsci(FdtWriter& tree) {
  const auto node = tree.Begin("psci");
  tree.Strings("compatible", {"arm,psci-1.0", "arm,psci-0.2"});
  tree.String("method", "hvc");
}

void DescribeTimer(FdtWriter& tree, const std::variant<GicV3, GicV2>& gic) {
  const auto node = tree.Begin("timer");
  tree.String("compatible", "arm,armv8-timer");
  const uint32_t flags = PrivateFlags(gic);
  tree.Cells("interrupts", {kPrivate, kTimerSecure, flags, kPrivate, kTimerPhysical, flags,
                            kPrivate, kTimerVirtual, flags, kPrivate, kTimerHypervisor, flags});
  tree.Empty("always-on");
}

void DescribePmu(FdtWriter& tree, const std::variant<GicV3, GicV2>& gic) {
  const auto node = tree.Begin("pmu");
  tree.String("compatible", "arm,armv8-pmuv3");
  tree.Cells("interrupts", {kPrivate, kPmuInterrupt, PrivateFlags(gic)});
}

void DescribeGic(FdtWriter& tree, const GicV3& gic) {
  const auto node = tree.Begin("interrupt-controller", gic.distributor.address);
  tree.String("compatible", "arm,gic-v3");
  tree.Cells("#interrupt-cells", {3});
  tree.Empty("interrupt-controller");
  tree.Cells("phandle", {kGicHandle});
  tree.Wide("reg", {gic.distributor.address, gic.distributor.size, gic.redistributors.address,
                    gic.redistributors.size});
  tree.Cells("#address-cells", {2});
  tree.Cells("#size-cells", {2});
  tree.Empty("ranges");
  if (gic.its) {
    const auto its = tree.Begin("msi-controller", gic.its->address);
    tree.String("compatible", "arm,gic-v3-its");
    tree.Empty("msi-controller");
    tree.Cells("#msi-cells", {1});
    tree.Cells("phandle", {kItsHandle});
    Registers(tree, *gic.its);
  }
}

void DescribeGic(FdtWriter& tree, const GicV2& gic) {
  const auto node = tree.Begin("interrupt-controller", gic.distributor.address);
  tree.String("compatible", "arm,cortex-a15-gic");
  tree.Cells("#address-cells", {0});
  tree.Cells("#interrupt-cells", {3});
  tree.Empty("interrupt-controller");
  tree.Cells("phandle", {kGicHandle});
  tree.Wide("reg", {gic.distributor.address, gic.distributor.size, gic.cpu_interface.address,
                    gic.cpu_interface.size});
}

void DescribeClock(FdtWriter& tree) {
  const auto node = tree.Begin("apb-pclk");
  tree.String("compatible", "fixed-clock");
  tree.Cells("#clock-cells", {0});
  tree.Cells("clock-frequency", {kClockHz});
  tree.String("clock-output-names", "clk24mhz");
  tree.Cells("phandle", {kClockHandle});
}

void DescribePl011(FdtWriter& tree, const Device& device) {
  const auto node = tree.Begin("serial", device.registers.address);
  tree.Strings("compatible", {"arm,pl011", "arm,primecell"});
  RegistersAndInterrupt(tree, device);
  tree.Cells("clocks", {kClockHandle, kClockHandle});
  tree.Strings("clock-names", {"uartclk", "apb_pclk"});
}

void DescribeNs16550(FdtWriter& tree, const Device& device) {
  const auto node = tree.Begin("serial", device.registers.address);
  tree.String("compatible", "ns16550a");
  RegistersAndInterrupt(tree, device);
  tree.Cells("clock-frequency", {kUartClockHz});
}

void DescribePl031(FdtWriter& tree, const Range& registers) {
  const auto node = tree.Begin("rtc", registers.address);
  tree.Strings("compatible", {"arm,pl031", "arm,primecell"});
  Registers(tree, registers);
  tree.Cells("clocks", {kClockHandle});
  tree.String("clock-names", "apb_pclk");
}

void DescribePvpanic(FdtWriter& tree, const Range& registers) {
  const auto node = tree.Begin("pvpanic", registers.address);
  tree.String("compatible", "qemu,pvpanic-mmio");
  Registers(tree, registers);
}

void DescribeVirtio(FdtWriter& tree, const Device& device) {
  const auto node = tree.Begin("virtio_mmio", device.registers.address);
  tree.String("compatible", "virtio,mmio");
  RegistersAndInterrupt(tree, device);
  tree.Empty("dma-coherent");
}

}  // namespace vmtest::fdt
