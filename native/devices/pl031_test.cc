#include "devices/pl031.h"

#include <gtest/gtest.h>

#include "devices/device_test_util.h"

namespace vmtest {
namespace {

enum : uint64_t { kDr = 0x00, kMr = 0x04, kLr = 0x08, kCr = 0x0c, kImsc = 0x10, kRis = 0x14 };

constexpr uint64_t kSecond = 1'000'000'000;

class Pl031Test : public ::testing::Test {
 protected:
  uint32_t In(uint64_t offset) { return In32(rtc_, offset); }

  uint64_t now_ = 77 * kSecond;
  Pl031 rtc_{1'700'000'000, [this] { return now_; }};
};

TEST_F(Pl031Test, IsAPrimeCellThatLinuxKnows) {
  uint32_t peripheral = 0;
  for (unsigned i = 0; i < 4; ++i) {
    peripheral |= In(0xfe0 + 4 * i) << (8 * i);
  }
  EXPECT_EQ(peripheral & 0x000f'ffff, 0x0004'1031U);
}

TEST_F(Pl031Test, CountsSecondsFromItsBase) {
  EXPECT_EQ(In(kDr), 1'700'000'000U);
  now_ += kSecond - 1;
  EXPECT_EQ(In(kDr), 1'700'000'000U);
  now_ += 1;
  EXPECT_EQ(In(kDr), 1'700'000'001U);
  EXPECT_EQ(In(kCr), 1U);
}

TEST_F(Pl031Test, CanBeSet) {
  Out32(rtc_, kLr, 5);
  EXPECT_EQ(In(kDr), 5U);
  EXPECT_EQ(In(kLr), 5U);
  now_ += 3 * kSecond;
  EXPECT_EQ(In(kDr), 8U);
}

TEST_F(Pl031Test, KeepsAnAlarmThatNeverComes) {
  Out32(rtc_, kMr, 1'700'000'001);
  Out32(rtc_, kImsc, 1);
  now_ += 2 * kSecond;
  EXPECT_EQ(In(kMr), 1'700'000'001U);
  EXPECT_EQ(In(kImsc), 1U);
  EXPECT_EQ(In(kRis), 0U);
}

TEST_F(Pl031Test, NoTimePassesBetweenSaveAndLoad) {
  now_ += 10 * kSecond;
  const auto state = SaveState(rtc_);
  uint64_t later = 1'000'000 * kSecond;
  Pl031 copy(0, [&] { return later; });
  ASSERT_TRUE(LoadState(copy, state));
  EXPECT_EQ(In32(copy, kDr), 1'700'000'010U);
}

}  // namespace
}  // namespace vmtest
