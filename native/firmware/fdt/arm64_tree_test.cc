// Our device trees against the compiler of device trees: what it reads from them must be what
// stands in testdata, and it must find nothing to complain of. Needs dtc (package
// device-tree-compiler). After a change that is meant:
//   VMTEST_UPDATE=1 fdt_test
#include "firmware/fdt/arm64_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace vmtest::fdt {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLimit = size_t{2} << 20;

Config OneCpu() {
  Config config{.cmdline = "console=ttyAMA0 quote=\"a b\"",
                .initrd = Range{.address = 0x4800'0000, .size = 0x1234},
                .rng_seed = {},
                .kaslr_seed = 0x0123'4567'89ab'cdef,
                .memory = {.address = 0x4000'0000, .size = 0x2'0000'0000},
                .cpus = {0},
                .pmu = false,
                .gic = GicV3{.distributor = {.address = 0x0800'0000, .size = 0x1'0000},
                             .redistributors = {.address = 0x0810'0000, .size = 0x2'0000},
                             .its = Range{.address = 0x0802'0000, .size = 0x2'0000}},
                .pl011 = {.registers = {.address = 0x0900'0000, .size = 0x1000}, .spi = 0},
                .ns16550 = {.registers = {.address = 0x0900'1000, .size = 8}, .spi = 1},
                .pl031 = {.address = 0x0900'2000, .size = 0x1000},
                .pvpanic = {.address = 0x0900'3000, .size = 1},
                .virtio = {{.registers = {.address = 0x0a00'0000, .size = 0x1000}, .spi = 8},
                           {.registers = {.address = 0x0a00'1000, .size = 0x1000}, .spi = 9}}};
  for (size_t i = 0; i < config.rng_seed.size(); ++i) {
    config.rng_seed[i] = static_cast<uint8_t>(i);
  }
  return config;
}

// Four CPUs in two clusters, the older interrupt controller, a performance monitor, no initrd.
Config FourCpus() {
  Config config = OneCpu();
  config.initrd.reset();
  config.cpus = {0, 1, 0x100, 0x101};
  config.pmu = true;
  config.gic = GicV2{.distributor = {.address = 0x0800'0000, .size = 0x1000},
                     .cpu_interface = {.address = 0x0801'0000, .size = 0x2000},
                     .cpus = 4};
  config.virtio.clear();
  return config;
}

class Arm64TreeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "vmtest-fdt-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  static std::string ReadAll(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // The tree as source; what dtc complains of is in `complaints`.
  std::string Decompile(const std::vector<uint8_t>& tree, std::string& complaints) const {
    const fs::path blob = folder_ / "tree.dtb";
    std::ofstream(blob, std::ios::binary)
        .write(static_cast<const char*>(static_cast<const void*>(tree.data())),
               static_cast<std::streamsize>(tree.size()));
    const fs::path source = folder_ / "tree.dts";
    const fs::path errors = folder_ / "errors";
    const int status = std::system(fmt::format("dtc -I dtb -O dts -o '{}' '{}' 2>'{}'",
                                               source.string(), blob.string(), errors.string())
                                       .c_str());
    EXPECT_EQ(status, 0) << "is device-tree-compiler installed?";
    complaints = ReadAll(errors);
    return ReadAll(source);
  }

  void ExpectTree(const Config& config, const std::string& name) const {
    const auto tree = BuildArm64Tree(config, kLimit);
    ASSERT_TRUE(tree.has_value()) << tree.error().message;
    std::string complaints;
    const std::string source = Decompile(*tree, complaints);
    EXPECT_EQ(complaints, "");
    const fs::path golden = fs::path(VMTEST_FDT_TESTDATA) / name;
    if (::getenv("VMTEST_UPDATE") != nullptr) {
      std::ofstream(golden) << source;
    }
    EXPECT_EQ(source, ReadAll(golden));
  }

  fs::path folder_;
};

TEST_F(Arm64TreeTest, OneCpuWithGicV3) { ExpectTree(OneCpu(), "one_cpu.dts"); }

TEST_F(Arm64TreeTest, FourCpusWithGicV2) { ExpectTree(FourCpus(), "four_cpus.dts"); }

TEST_F(Arm64TreeTest, IsRefusedWhereItDoesNotFit) {
  const size_t needed = BuildArm64Tree(OneCpu(), kLimit).value().size();
  for (const size_t limit : {size_t{0}, size_t{1}, size_t{40}, needed / 2, needed - 1}) {
    const auto tree = BuildArm64Tree(OneCpu(), limit);
    ASSERT_FALSE(tree.has_value()) << limit;
    EXPECT_EQ(tree.error().code, ErrorCode::kDoesNotFit) << tree.error().message;
  }
}

}  // namespace
}  // namespace vmtest::fdt
