#include "firmware/acpi/acpi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>

#include "firmware/acpi/aml.h"
#include "firmware/acpi/parts.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

constexpr GuestAddress kBase = 0xe0000;
constexpr uint64_t kRoom = 128 * kKiB;

uint64_t Number(std::span<const uint8_t> bytes, size_t offset, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= static_cast<uint64_t>(bytes[offset + i]) << (8 * i);
  }
  return value;
}

uint8_t Sum(std::span<const uint8_t> bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), uint8_t{0},
                         [](uint8_t a, uint8_t b) { return static_cast<uint8_t>(a + b); });
}

// Follows the pointers as a kernel does: RSDP, XSDT, the tables in it, and FADT's DSDT.
std::map<std::string, Bytes> Walk(const Tables& tables) {
  std::map<std::string, Bytes> found;
  const auto table_at = [&](GuestAddress address) {
    const size_t offset = address - kBase;
    const size_t length = Number(tables.bytes, offset + kLengthOffset, 4);
    const auto first = tables.bytes.begin() + static_cast<ptrdiff_t>(offset);
    Bytes table(first, first + static_cast<ptrdiff_t>(length));
    found[std::string(table.begin(), table.begin() + 4)] = table;
    return table;
  };
  const Bytes xsdt = table_at(Number(tables.bytes, tables.rsdp - kBase + 24, 8));
  for (size_t at = kHeaderSize; at < xsdt.size(); at += 8) {
    table_at(Number(xsdt, at, 8));
  }
  table_at(Number(found.at("FACP"), 140, 8));
  return found;
}

Config TwoCpus() {
  Config config;
  config.apic_ids = {0, 1};
  config.virtio_mmio = {{.base = 0xd0000000, .size = 0x1000, .gsi = 5}};
  return config;
}

TEST(AcpiTest, EveryTableIsReachableAndSumsToZero) {
  const auto tables = BuildTables(TwoCpus(), kBase, kRoom);
  ASSERT_TRUE(tables.has_value());
  EXPECT_EQ(tables->rsdp, kBase);
  EXPECT_EQ(std::string(tables->bytes.begin(), tables->bytes.begin() + 8), "RSD PTR ");
  EXPECT_EQ(Sum(std::span(tables->bytes).first(20)), 0);
  EXPECT_EQ(Sum(std::span(tables->bytes).first(36)), 0);

  const auto found = Walk(*tables);
  EXPECT_EQ(found.size(), 4U);
  for (const char* name : {"XSDT", "FACP", "APIC", "DSDT"}) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_EQ(Sum(found.at(name)), 0) << name;
  }
}

TEST(AcpiTest, FadtNamesTheSleepAndResetPorts) {
  Config config = TwoCpus();
  config.sleep_control_port = 0x1230;
  config.sleep_status_port = 0x1231;
  config.reset_port = 0x1232;
  config.reset_value = 0x42;
  const Bytes fadt = BuildFadt(config, 0x1000);
  ASSERT_EQ(fadt.size(), 276U);
  // Generic Address Structures: port I/O, 8 bits, byte access.
  for (const auto& [offset, port] : {std::pair{116, 0x1232}, {244, 0x1230}, {256, 0x1231}}) {
    EXPECT_EQ(Number(fadt, static_cast<size_t>(offset), 4), 0x01000801U);
    EXPECT_EQ(Number(fadt, static_cast<size_t>(offset) + 4, 8), static_cast<uint64_t>(port));
  }
  EXPECT_EQ(fadt[128], 0x42);
}

TEST(AcpiTest, FadtSaysWhichLegacyDevicesExist) {
  Config config = TwoCpus();
  EXPECT_EQ(Number(BuildFadt(config, 0), 109, 2), 0b000101U);  // serial: legacy devices; no VGA
  config.keyboard_gsi = 1;
  EXPECT_EQ(Number(BuildFadt(config, 0), 109, 2), 0b000111U);
  config.keyboard_gsi.reset();
  config.serial.reset();
  config.rtc = false;
  EXPECT_EQ(Number(BuildFadt(config, 0), 109, 2), 0b100100U);
}

TEST(AcpiTest, MadtListsEachCpuOnceInTheRightForm) {
  Config config = TwoCpus();
  config.apic_ids = {0, 2, 254, 255, 1000};
  const Bytes madt = BuildMadt(config);
  std::vector<uint64_t> local;
  std::vector<uint64_t> x2apic;
  for (size_t at = 44; at < madt.size(); at += madt[at + 1]) {
    ASSERT_GT(madt[at + 1], 0);
    if (madt[at] == 0) {
      EXPECT_EQ(madt[at + 2], local.size());
      EXPECT_EQ(Number(madt, at + 4, 4), 1U);
      local.push_back(madt[at + 3]);
    } else if (madt[at] == 9) {
      EXPECT_EQ(Number(madt, at + 12, 4), local.size() + x2apic.size());
      EXPECT_EQ(Number(madt, at + 8, 4), 1U);
      x2apic.push_back(Number(madt, at + 4, 4));
    }
  }
  EXPECT_THAT(local, testing::ElementsAre(0, 2, 254));
  EXPECT_THAT(x2apic, testing::ElementsAre(255, 1000));
}

TEST(AcpiTest, RefusesWhatItCannotExpress) {
  struct Case {
    const char* message;
    void (*change)(Config&);
  };
  const Case cases[] = {
      {"for 0 CPUs", [](Config& c) { c.apic_ids.clear(); }},
      {"for 4097 CPUs", [](Config& c) { c.apic_ids.resize(4097); }},
      {"for 4097 virtio devices", [](Config& c) { c.virtio_mmio.resize(4097); }},
      {"0x1000 bytes at 0x100000000", [](Config& c) { c.virtio_mmio[0].base = 4 * kGiB; }},
      {"0x2 bytes at 0xffffffff",
       [](Config& c) { c.virtio_mmio[0] = {.base = 0xffffffff, .size = 2, .gsi = 5}; }},
      {"0x0 bytes at", [](Config& c) { c.virtio_mmio[0].size = 0; }},
  };
  for (const Case& test : cases) {
    Config config = TwoCpus();
    test.change(config);
    const auto tables = BuildTables(config, kBase, kRoom);
    ASSERT_FALSE(tables.has_value()) << test.message;
    EXPECT_EQ(tables.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(tables.error().message, HasSubstr(test.message));
  }
}

TEST(AcpiTest, AcceptsTheLastWindowBelow4GiB) {
  Config config = TwoCpus();
  config.virtio_mmio[0] = {.base = 0xfffff000, .size = 0x1000, .gsi = 5};
  EXPECT_TRUE(BuildTables(config, kBase, kRoom).has_value());
}

TEST(AcpiTest, SaysWhenTheRoomIsTooSmall) {
  const auto fits = BuildTables(TwoCpus(), kBase, kRoom);
  ASSERT_TRUE(fits.has_value());
  EXPECT_TRUE(BuildTables(TwoCpus(), kBase, fits->bytes.size()).has_value());
  const auto tables = BuildTables(TwoCpus(), kBase, fits->bytes.size() - 1);
  ASSERT_FALSE(tables.has_value());
  EXPECT_EQ(tables.error().code, ErrorCode::kDoesNotFit);
}

// The package length has 1, 2, 3 or 4 bytes; the edges are where encoders go wrong.
TEST(AmlTest, PackageLengthsAtTheirEdges) {
  struct Case {
    size_t text;  // characters in a Name (S, "...") inside Scope (_SB)
    Bytes length;
  };
  // Contents: the scope's name (4) + NameOp and name (5) + string prefix and NUL (2) + text.
  constexpr size_t kAround = 11;
  const Case cases[] = {
      {62 - kAround, {0x3f}},
      {63 - kAround, {0x41, 0x04}},
      {0xfff - 2 - kAround, {0x4f, 0xff}},
      {0x1000 - 2 - kAround, {0x81, 0x00, 0x01}},
      {0xfffff - 3 - kAround, {0x8f, 0xff, 0xff}},
      {0x100000 - 3 - kAround, {0xc1, 0x00, 0x00, 0x01}},
  };
  for (const Case& test : cases) {
    AmlWriter aml;
    aml.Scope("_SB", [&] { aml.NameString("S", std::string(test.text, 'x')); });
    const Bytes& bytes = aml.bytes();
    ASSERT_GT(bytes.size(), 1 + test.length.size());
    const auto first = bytes.begin() + 1;
    EXPECT_EQ(Bytes(first, first + static_cast<ptrdiff_t>(test.length.size())), test.length);
  }
}

}  // namespace
}  // namespace vmtest::acpi
