// The ports through which a guest ends: ACPI sleep and reset, 0xcf9, pvpanic, debug exit.
#include <gtest/gtest.h>

#include "devices/acpi_power.h"
#include "devices/debug_exit.h"
#include "devices/device_test_util.h"
#include "devices/pvpanic.h"
#include "devices/reset_control.h"

namespace vmtest {
namespace {

TEST(AcpiPowerTest, OnlyS5WithEnablePowersOff) {
  for (unsigned value = 0; value < 0x100; ++value) {
    int poweroffs = 0;
    int resets = 0;
    AcpiPower power([&] { ++poweroffs; }, [&] { ++resets; });
    Out(power, AcpiPower::kSleepControl, value);
    // Bits 0, 1, 6 and 7 are not SLP_TYP's or SLP_EN's: whatever they say.
    EXPECT_EQ(poweroffs, (value & 0x3c) == 0x34 ? 1 : 0) << value;
    EXPECT_EQ(resets, 0);
    EXPECT_EQ(In(power, AcpiPower::kSleepControl), 0);
  }
}

TEST(AcpiPowerTest, OnlyTheResetValueResets) {
  int resets = 0;
  AcpiPower power({}, [&] { ++resets; });
  for (unsigned value = 0; value < 0x100; ++value) {
    Out(power, AcpiPower::kReset, value);
    Out(power, AcpiPower::kSleepStatus, value);
  }
  EXPECT_EQ(resets, 1);
  EXPECT_EQ(In(power, AcpiPower::kSleepStatus), 0);
}

TEST(ResetControlTest, ResetsAsLinuxAsks) {
  int resets = 0;
  ResetControl control([&] { ++resets; });
  Out(control, 0, In(control, 0) | 0x02);
  EXPECT_EQ(resets, 0);
  EXPECT_EQ(In(control, 0), 0x02);
  Out(control, 0, 0x06);
  EXPECT_EQ(resets, 1);
  EXPECT_EQ(In(control, 0), 0x02);
  ResetControl other({});
  ASSERT_TRUE(LoadState(other, SaveState(control)));
  EXPECT_EQ(In(other, 0), 0x02);
}

TEST(PvpanicTest, ReportsEachEvent) {
  int panics = 0;
  int crashes = 0;
  Pvpanic pvpanic([&] { ++panics; }, [&] { ++crashes; });
  EXPECT_EQ(In(pvpanic, 0), 0x03);
  Out(pvpanic, 0, 0xfc);
  EXPECT_EQ(panics + crashes, 0);
  Out(pvpanic, 0, 0x01);
  EXPECT_EQ(panics, 1);
  EXPECT_EQ(crashes, 0);
  Out(pvpanic, 0, 0x02);
  EXPECT_EQ(crashes, 1);
}

TEST(DebugExitTest, TheLowestByteIsTheCode) {
  std::vector<uint8_t> codes;
  DebugExit exit([&](uint8_t code) { codes.push_back(code); });
  Out(exit, 0, 0x10);
  const std::array<uint8_t, 4> wide{0x22, 0x33, 0x44, 0x55};
  exit.Write(0, wide);
  Out(exit, 3, 0x99);
  EXPECT_EQ(codes, (std::vector<uint8_t>{0x10, 0x22}));
}

TEST(DebugExitTest, EmptyCallbacksAreAllowed) {
  DebugExit exit({});
  Out(exit, 0, 1);
  Pvpanic pvpanic({});
  Out(pvpanic, 0, 3);
  AcpiPower power({}, {});
  Out(power, 0, 0x34);
  Out(power, 2, 1);
}

}  // namespace
}  // namespace vmtest
