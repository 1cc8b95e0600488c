#include "bus/bus.h"

#include <gtest/gtest.h>

#include <array>

namespace vmtest {
namespace {

class Recorder : public BusDevice {
 public:
  void Read(uint64_t offset, std::span<uint8_t> data) override {
    last_offset = offset;
    for (uint8_t& byte : data) {
      byte = 0x5a;
    }
  }
  void Write(uint64_t offset, std::span<const uint8_t> data) override {
    last_offset = offset;
    last_value = data[0];
  }
  uint64_t last_offset = 99;
  uint8_t last_value = 0;
};

TEST(BusTest, FindsTheDeviceAndItsOffset) {
  Bus bus;
  Recorder first;
  Recorder second;
  ASSERT_TRUE(bus.Add(0x3f8, 8, first, "serial"));
  ASSERT_TRUE(bus.Add(0x400, 1, second, "other"));
  EXPECT_TRUE(bus.Write(0x3ff, std::array<uint8_t, 1>{3}));
  EXPECT_EQ(first.last_offset, 7u);
  EXPECT_EQ(first.last_value, 3);
  EXPECT_TRUE(bus.Write(0x400, std::array<uint8_t, 1>{4}));
  EXPECT_EQ(second.last_offset, 0u);
}

TEST(BusTest, NobodyAnswersReadsAllOnes) {
  Bus bus;
  Recorder device;
  ASSERT_TRUE(bus.Add(0x3f8, 8, device, "serial"));
  for (const uint64_t address : {uint64_t{0}, uint64_t{0x3f7}, uint64_t{0x400}, UINT64_MAX}) {
    std::array<uint8_t, 2> data{};
    EXPECT_FALSE(bus.Read(address, data));
    EXPECT_EQ(data, (std::array<uint8_t, 2>{0xff, 0xff}));
  }
}

TEST(BusTest, AnAccessOverTheEndReachesNobody) {
  Bus bus;
  Recorder device;
  ASSERT_TRUE(bus.Add(0x3f8, 8, device, "serial"));
  std::array<uint8_t, 4> data{};
  EXPECT_FALSE(bus.Read(0x3fd, data));
  EXPECT_EQ(device.last_offset, 99u);
}

TEST(BusTest, RefusesOverlapsAndNonsense) {
  Bus bus;
  Recorder device;
  ASSERT_TRUE(bus.Add(0x100, 0x10, device, "a"));
  EXPECT_FALSE(bus.Add(0x100, 1, device, "same start"));
  EXPECT_FALSE(bus.Add(0x10f, 1, device, "last byte"));
  EXPECT_FALSE(bus.Add(0xff, 2, device, "first byte"));
  EXPECT_FALSE(bus.Add(0x0, 0x1000, device, "around"));
  EXPECT_FALSE(bus.Add(0x200, 0, device, "empty"));
  EXPECT_FALSE(bus.Add(UINT64_MAX, 2, device, "wrapping"));
  EXPECT_TRUE(bus.Add(0x110, 1, device, "after"));
  EXPECT_TRUE(bus.Add(UINT64_MAX, 1, device, "the very last"));
}

}  // namespace
}  // namespace vmtest
