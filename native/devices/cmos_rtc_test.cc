#include "devices/cmos_rtc.h"

#include <gtest/gtest.h>

#include "devices/device_test_util.h"

namespace vmtest {
namespace {

constexpr int64_t kLeapDay = 1'709'251'139;  // 2024-02-29 23:58:59
constexpr uint64_t kSecond = 1'000'000'000;

class CmosRtcTest : public ::testing::Test {
 protected:
  uint8_t Get(uint8_t index) {
    Out(rtc_, 0, index);
    return In(rtc_, 1);
  }
  void Set(uint8_t index, uint8_t value) {
    Out(rtc_, 0, index);
    Out(rtc_, 1, value);
  }

  uint64_t now_ = 77 * kSecond;
  CmosRtc rtc_{kLeapDay, 0, [this] { return now_; }};
};

TEST_F(CmosRtcTest, ShowsTheBaseTimeAndAdvances) {
  EXPECT_EQ(Get(0x00), 0x59);
  EXPECT_EQ(Get(0x02), 0x58);
  EXPECT_EQ(Get(0x04), 0x23);
  EXPECT_EQ(Get(0x06), 5);
  EXPECT_EQ(Get(0x07), 0x29);
  EXPECT_EQ(Get(0x08), 0x02);
  EXPECT_EQ(Get(0x09), 0x24);
  EXPECT_EQ(Get(0x32), 0x20);
  now_ += 61 * kSecond;  // over midnight, into March
  EXPECT_EQ(Get(0x00), 0x00);
  EXPECT_EQ(Get(0x02), 0x00);
  EXPECT_EQ(Get(0x04), 0x00);
  EXPECT_EQ(Get(0x06), 6);
  EXPECT_EQ(Get(0x07), 0x01);
  EXPECT_EQ(Get(0x08), 0x03);
}

TEST_F(CmosRtcTest, TheIndexIgnoresTheNmiBitAndIsNotReadable) {
  Out(rtc_, 0, 0x80 | 0x09);
  EXPECT_EQ(In(rtc_, 1), 0x24);
  EXPECT_EQ(In(rtc_, 0), 0xff);
}

TEST_F(CmosRtcTest, UpdateInProgressWarnsBeforeTheSecondEnds) {
  EXPECT_EQ(Get(0x0a), 0x26);
  now_ += kSecond - 244'001;
  EXPECT_EQ(Get(0x0a), 0x26);
  now_ += 1;
  EXPECT_EQ(Get(0x0a), 0xa6);
  now_ += 244'000;
  EXPECT_EQ(Get(0x0a), 0x26);
  EXPECT_EQ(Get(0x02), 0x59);
}

TEST_F(CmosRtcTest, StatusRegisters) {
  EXPECT_EQ(Get(0x0b), 0x02);
  EXPECT_EQ(Get(0x0c), 0x00);
  EXPECT_EQ(Get(0x0d), 0x80);
  Set(0x0c, 0xff);
  Set(0x0d, 0x00);
  Set(0x0a, 0xff);
  EXPECT_EQ(Get(0x0c), 0x00);
  EXPECT_EQ(Get(0x0d), 0x80);
  EXPECT_EQ(Get(0x0a), 0x7f);  // the update flag is read-only
}

TEST_F(CmosRtcTest, TheGuestSetsTheTimeAsLinuxDoes) {
  Set(0x0b, 0x82);  // SET
  now_ += 10 * kSecond;
  EXPECT_EQ(Get(0x00), 0x59);  // stands still
  EXPECT_EQ(Get(0x0a), 0x26);
  Set(0x09, 0x99);
  Set(0x32, 0x19);
  Set(0x08, 0x12);
  Set(0x07, 0x31);
  Set(0x04, 0x23);
  Set(0x02, 0x59);
  Set(0x00, 0x58);
  EXPECT_EQ(Get(0x08), 0x12);
  Set(0x0b, 0x02);
  now_ += 2 * kSecond;
  EXPECT_EQ(Get(0x09), 0x00);
  EXPECT_EQ(Get(0x32), 0x20);
  EXPECT_EQ(Get(0x07), 0x01);
  EXPECT_EQ(Get(0x06), 7);  // 2000-01-01 was a Saturday
}

TEST_F(CmosRtcTest, ASingleRegisterCanBeSetWhileTheClockRuns) {
  Set(0x04, 0x07);
  EXPECT_EQ(Get(0x04), 0x07);
  EXPECT_EQ(Get(0x02), 0x58);
  Set(0x08, 0xff);  // no such month
  EXPECT_EQ(Get(0x08), 0x12);
}

TEST_F(CmosRtcTest, BinaryAndTwelveHours) {
  Set(0x0b, 0x06);
  EXPECT_EQ(Get(0x04), 23);
  Set(0x0b, 0x04);
  EXPECT_EQ(Get(0x04), 0x80 | 11);
}

TEST_F(CmosRtcTest, TheHostCanSetTheTimeEvenWhileHalted) {
  Set(0x0b, 0x82);
  rtc_.SetTime(0);
  EXPECT_EQ(Get(0x09), 0x70);
  Set(0x0b, 0x02);
  EXPECT_EQ(Get(0x09), 0x70);
  EXPECT_EQ(Get(0x32), 0x19);
}

TEST_F(CmosRtcTest, NvramKeepsWhatIsWritten) {
  for (unsigned index = 0x0e; index < 0x80; ++index) {
    if (index != 0x32) {
      Set(static_cast<uint8_t>(index), static_cast<uint8_t>(index ^ 0x5a));
    }
  }
  for (unsigned index = 0x0e; index < 0x80; ++index) {
    if (index != 0x32) {
      EXPECT_EQ(Get(static_cast<uint8_t>(index)), index ^ 0x5a);
    }
  }
}

TEST_F(CmosRtcTest, StateCarriesTimeAndBytes) {
  Set(0x40, 0x77);
  now_ += 3 * kSecond / 2;
  const auto state = SaveState(rtc_);
  uint64_t other_now = 5;
  CmosRtc other(0, 0, [&] { return other_now; });
  ASSERT_TRUE(LoadState(other, state));
  Out(other, 0, 0x00);
  EXPECT_EQ(In(other, 1), 0x00);
  other_now += kSecond / 2;  // the half second was saved too
  EXPECT_EQ(In(other, 1), 0x01);
  Out(other, 0, 0x40);
  EXPECT_EQ(In(other, 1), 0x77);
}

TEST(CmosRtcMemoryTest, SizesAreWhereFirmwareLooks) {
  const auto get = [](CmosRtc& rtc, unsigned index) {
    Out(rtc, 0, index);
    return In(rtc, 1);
  };
  CmosRtc big(0, uint64_t{5} << 30);
  EXPECT_EQ(get(big, 0x15) | get(big, 0x16) << 8, 640);
  EXPECT_EQ(get(big, 0x17) | get(big, 0x18) << 8, 0xffff);
  EXPECT_EQ(get(big, 0x34) | get(big, 0x35) << 8, (3072 - 16) * 16);
  EXPECT_EQ(get(big, 0x5b) | get(big, 0x5c) << 8 | get(big, 0x5d) << 16, 2048 * 16);
  CmosRtc tiny(0, uint64_t{1} << 16);
  EXPECT_EQ(get(tiny, 0x30) | get(tiny, 0x31) << 8, 0);
  EXPECT_EQ(get(tiny, 0x34) | get(tiny, 0x35) << 8, 0);
}

TEST(CmosRtcMonotonicTest, RunsOnTheHostsMonotonicClock) {
  const uint64_t first = MonotonicClock();
  EXPECT_GT(first, 0U);
  EXPECT_GE(MonotonicClock(), first);
}

}  // namespace
}  // namespace vmtest
