// The device tree of an aarch64 guest: all that its kernel is told of its machine. Bindings are
// those of Linux (Documentation/devicetree/bindings).
//
// Pure: numbers in, bytes out. Each device has a function of its own in arm64_nodes.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace vmtest::fdt {

// A range of guest addresses.
struct Range {
  uint64_t address;
  uint64_t size;
};

// A device with one interrupt line: a shared peripheral interrupt, counted from 0, that is an edge.
struct Device {
  Range registers;
  uint32_t spi;
};

struct GicV3 {
  Range distributor;
  Range redistributors;
  std::optional<Range> its;  // translates message-signalled interrupts
};

struct GicV2 {
  Range distributor;
  Range cpu_interface;
  uint32_t cpus;
};

struct Config {
  std::string cmdline;
  std::optional<Range> initrd;
  // Entropy of the host, so that the guest's generator is ready at once, and its kernel can lie
  // where nobody knows.
  std::array<uint8_t, 64> rng_seed;
  uint64_t kaslr_seed;

  Range memory;
  std::vector<uint64_t> cpus;  // the affinity fields of each MPIDR_EL1; the first boots
  bool pmu;                    // has a performance monitor
  std::variant<GicV3, GicV2> gic;

  Device pl011;  // the console that is named to the kernel (stdout-path)
  Device ns16550;
  Range pl031;  // raises no interrupt: the guest sees a clock without an alarm
  Range pvpanic;
  std::vector<Device> virtio;  // in the order in which drivers shall find them
};

// Of at most `limit` bytes: kDoesNotFit when they are not enough.
Result<std::vector<uint8_t>> BuildArm64Tree(const Config& config, size_t limit);

}  // namespace vmtest::fdt
