// The nodes of an aarch64 guest's device tree, one function each: what a device says of itself.
#pragma once

#include "firmware/fdt/arm64_tree.h"
#include "firmware/fdt/fdt_writer.h"

namespace vmtest::fdt {

// Nodes that others refer to.
inline constexpr uint32_t kGicHandle = 1;
inline constexpr uint32_t kClockHandle = 2;
inline constexpr uint32_t kItsHandle = 3;

void DescribeChosen(FdtWriter& tree, const Config& config);
void DescribeMemory(FdtWriter& tree, const Range& memory);
void DescribeCpus(FdtWriter& tree, const std::vector<uint64_t>& cpus);
void DescribePsci(FdtWriter& tree);
// `gic`: decides how its interrupts are written.
void DescribeTimer(FdtWriter& tree, const std::variant<GicV3, GicV2>& gic);
void DescribePmu(FdtWriter& tree, const std::variant<GicV3, GicV2>& gic);
void DescribeGic(FdtWriter& tree, const GicV3& gic);
void DescribeGic(FdtWriter& tree, const GicV2& gic);
// The clock that the bus and its devices are said to run at.
void DescribeClock(FdtWriter& tree);
void DescribePl011(FdtWriter& tree, const Device& device);
void DescribeNs16550(FdtWriter& tree, const Device& device);
void DescribePl031(FdtWriter& tree, const Range& registers);
void DescribePvpanic(FdtWriter& tree, const Range& registers);
void DescribeVirtio(FdtWriter& tree, const Device& device);

}  // namespace vmtest::fdt
