// Our tables against ACPICA's compiler: what it compiles from ASL must be what we write, and what
// it reads from our tables must compile back to them. Needs iasl (package acpica-tools).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "firmware/acpi/aml.h"
#include "firmware/acpi/parts.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<uint8_t>;

class IaslTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "vmtest-iasl-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    folder_ = path;
    ASSERT_EQ(Run("iasl -v").status, 0) << "iasl is missing: install acpica-tools";
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  struct Outcome {
    int status;
    std::string output;
  };
  Outcome Run(const std::string& command) const {
    const std::string line = fmt::format("cd '{}' && {} 2>&1", folder_.string(), command);
    FILE* pipe = ::popen(line.c_str(), "r");
    Outcome outcome = {-1, {}};
    if (pipe != nullptr) {
      std::array<char, 4096> buffer;
      while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        outcome.output.append(buffer.data(), got);
      }
      const int status = ::pclose(pipe);
      outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    return outcome;
  }

  // Compiles `source` (ASL or a disassembly) to AML.
  Bytes Compile(const fs::path& source) const {
    const Outcome outcome = Run(fmt::format("iasl -p compiled '{}'", source.string()));
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    // Data tables have a summary without counts, and say nothing of warnings when there are none.
    EXPECT_EQ(outcome.output.find("Warning "), std::string::npos) << outcome.output;
    EXPECT_EQ(outcome.output.find("Error "), std::string::npos) << outcome.output;
    return Load(folder_ / "compiled.aml");
  }

  // Writes the table out, disassembles it, compiles that again.
  Bytes RoundTrip(const Bytes& table) const {
    Store(folder_ / "table.dat", table);
    const Outcome outcome = Run("iasl -d table.dat");
    EXPECT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_EQ(outcome.output.find("Warning"), std::string::npos) << outcome.output;
    EXPECT_EQ(outcome.output.find("Error"), std::string::npos) << outcome.output;
    EXPECT_EQ(outcome.output.find("Invalid"), std::string::npos) << outcome.output;
    return Compile("table.dsl");
  }

  static Bytes Load(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  static void Store(const fs::path& path, const Bytes& bytes) {
    std::ofstream stream(path, std::ios::binary);
    for (const uint8_t byte : bytes) {
      stream.put(static_cast<char>(byte));
    }
  }

  fs::path folder_;
};

// iasl signs what it compiles: creator ID and revision, and with them the checksum, are its own.
Bytes Unsigned(Bytes table) {
  EXPECT_GE(table.size(), kHeaderSize);
  if (table.size() >= kHeaderSize) {
    table[kChecksumOffset] = 0;
    std::fill(table.begin() + 28, table.begin() + 36, uint8_t{0});
  }
  return table;
}

fs::path Testdata(const char* name) { return fs::path(VMTEST_ACPI_TESTDATA) / name; }

Config Everything() {
  Config config;
  config.apic_ids = {0, 1};
  config.cpu_devices = true;
  config.interrupt_overrides = {{.isa_irq = 0, .gsi = 2}};
  config.keyboard_gsi = 1;
  config.virtio_mmio = {{.base = 0xd0000000, .size = 0x1000, .gsi = 5},
                        {.base = 0xd0001000, .size = 0x1000, .gsi = 300}};
  return config;
}

Config Nothing() {
  Config config;
  config.apic_ids = {0};
  config.serial.reset();
  config.rtc = false;
  config.pvpanic_port.reset();
  return config;
}

Config Crowd() {
  Config config = Everything();
  for (uint32_t id = 2; id < 300; ++id) {
    config.apic_ids.push_back(id);
  }
  for (uint32_t i = 2; i < 64; ++i) {
    config.virtio_mmio.push_back({.base = 0xd0000000 + i * 0x1000, .size = 0x1000, .gsi = 5 + i});
  }
  return config;
}

TEST_F(IaslTest, CompilesTheSameDsdtFromSource) {
  EXPECT_EQ(Unsigned(BuildDsdt(Everything())), Unsigned(Compile(Testdata("dsdt.asl"))));
}

TEST_F(IaslTest, CompilesNamesAndIntegersToTheSameBytes) {
  AmlWriter aml;
  aml.Scope("_SB", [&] {
    aml.NameInteger("Z", 0);
    aml.Device("AB", [&] {
      aml.NameInteger("_ADR", 0xff);
      aml.Device("CDE", [&] { aml.NameInteger("_ADR", 0x100); });
    });
  });
  aml.NameInteger("N", 1);
  aml.NameInteger("DWRD", 0x10000);
  aml.NameInteger("QWRD", 0x100000000);
  aml.NameInteger("MAX", 0xfffffffffffffffe);
  aml.NameString("STR", "some text");
  aml.NameEisaId("EISA", "XYZ9AF0");
  aml.NamePackage("PACK", std::array<uint64_t, 6>{0, 1, 2, 0x1234, 0x12345678, 0x123456789a});
  TableWriter table("SSDT", 2);
  table.Bytes(aml.bytes());
  EXPECT_EQ(Unsigned(std::move(table).Finish()), Unsigned(Compile(Testdata("names.asl"))));
}

TEST_F(IaslTest, ReadsEveryTableAndCompilesItBack) {
  for (const Config& config : {Everything(), Nothing(), Crowd()}) {
    const std::vector<Bytes> tables = {
        BuildDsdt(config),
        BuildFadt(config, 0xe0040),
        BuildMadt(config),
        BuildXsdt(std::array<GuestAddress, 2>{0xe0200, 0xe0320}),
    };
    for (const Bytes& table : tables) {
      SCOPED_TRACE(std::string(table.begin(), table.begin() + 4));
      EXPECT_EQ(Unsigned(table), Unsigned(RoundTrip(table)));
    }
  }
}

TEST_F(IaslTest, CompilesTheSameRsdpFromSource) {
  const auto rsdp = BuildRsdp(0xe0400);
  EXPECT_EQ(Bytes(rsdp.begin(), rsdp.end()), Compile(Testdata("rsdp.asl")));
}

TEST_F(IaslTest, DecodesWhatLinuxActsOn) {
  Store(folder_ / "table.dat", BuildFadt(Everything(), 0xe0040));
  ASSERT_EQ(Run("iasl -d table.dat").status, 0);
  const Bytes source = Load(folder_ / "table.dsl");
  const std::string text(source.begin(), source.end());
  for (const char* line : {
           "Hardware Reduced (V5) : 1",
           "Reset Register Supported (V2) : 1",
           "8042 Present on ports 60/64 (V2) : 1",
           "CMOS RTC Not Present (V5) : 0",
           "VGA Not Present (V4) : 1",
           "Value to cause reset : 01",
           "DSDT Address : 00000000000E0040",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace vmtest::acpi
