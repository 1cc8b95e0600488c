#include "firmware/fdt/arm64_tree.h"

#include "firmware/fdt/arm64_nodes.h"
#include "firmware/fdt/fdt_writer.h"

namespace vmtest::fdt {

Result<std::vector<uint8_t>> BuildArm64Tree(const Config& config, size_t limit) {
  FdtWriter tree(limit);
  {
    const auto root = tree.Begin("");
    tree.String("compatible", "linux,dummy-virt");
    tree.String("model", "vmtest");
    tree.Cells("#address-cells", {2});
    tree.Cells("#size-cells", {2});
    tree.Cells("interrupt-parent", {kGicHandle});
    DescribeChosen(tree, config);
    DescribeMemory(tree, config.memory);
    DescribeCpus(tree, config.cpus);
    DescribePsci(tree);
    DescribeTimer(tree, config.gic);
    if (config.pmu) {
      DescribePmu(tree, config.gic);
    }
    std::visit([&](const auto& gic) { DescribeGic(tree, gic); }, config.gic);
    DescribeClock(tree);
    DescribePl011(tree, config.pl011);
    DescribeNs16550(tree, config.ns16550);
    DescribePl031(tree, config.pl031);
    DescribePvpanic(tree, config.pvpanic);
    for (const Device& device : config.virtio) {
      DescribeVirtio(tree, device);
    }
  }
  return tree.Finish();
}

}  // namespace vmtest::fdt
