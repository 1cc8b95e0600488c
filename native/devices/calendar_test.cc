#include "devices/calendar.h"

#include <gtest/gtest.h>

#include <ctime>

namespace vmtest {
namespace {

TEST(CalendarTest, AgreesWithTheHost) {
  // A step that is prime to the day, the week and the year: every kind of date is met.
  for (int64_t seconds = -62'167'219'200; seconds <= 253'402'300'799; seconds += 86'399 * 97) {
    const CalendarTime time = CalendarTime::FromUnix(seconds);
    const time_t host = seconds;
    tm expected{};
    ASSERT_NE(gmtime_r(&host, &expected), nullptr);
    ASSERT_EQ(time.year, expected.tm_year + 1900) << seconds;
    ASSERT_EQ(static_cast<int>(time.month), expected.tm_mon + 1) << seconds;
    ASSERT_EQ(static_cast<int>(time.day), expected.tm_mday) << seconds;
    ASSERT_EQ(static_cast<int>(time.hour), expected.tm_hour) << seconds;
    ASSERT_EQ(static_cast<int>(time.minute), expected.tm_min) << seconds;
    ASSERT_EQ(static_cast<int>(time.second), expected.tm_sec) << seconds;
    ASSERT_EQ(static_cast<int>(time.weekday), expected.tm_wday + 1) << seconds;
    ASSERT_EQ(time.ToUnix(), seconds);
    for (const bool binary : {false, true}) {
      for (const bool hours24 : {false, true}) {
        const auto registers = CalendarRegisters::Encode(time, binary, hours24);
        ASSERT_EQ(registers.Decode(binary, hours24).ToUnix(), seconds);
      }
    }
  }
}

TEST(CalendarTest, ClampsToFourDigitYears) {
  EXPECT_EQ(CalendarTime::FromUnix(INT64_MIN).year, 0);
  EXPECT_EQ(CalendarTime::FromUnix(INT64_MAX).year, 9999);
}

TEST(CalendarTest, EncodesAsTheDataSheetSays) {
  // 2024-02-29 23:58:59, a Thursday.
  const CalendarTime time = CalendarTime::FromUnix(1'709'251'139);
  const auto bcd = CalendarRegisters::Encode(time, false, true);
  EXPECT_EQ(bcd.second, 0x59);
  EXPECT_EQ(bcd.minute, 0x58);
  EXPECT_EQ(bcd.hour, 0x23);
  EXPECT_EQ(bcd.weekday, 5);
  EXPECT_EQ(bcd.day, 0x29);
  EXPECT_EQ(bcd.month, 0x02);
  EXPECT_EQ(bcd.year, 0x24);
  EXPECT_EQ(bcd.century, 0x20);
  const auto binary12 = CalendarRegisters::Encode(time, true, false);
  EXPECT_EQ(binary12.hour, 0x80 | 11);
  EXPECT_EQ(binary12.year, 24);
}

TEST(CalendarTest, MidnightAndNoonInTwelveHours) {
  EXPECT_EQ(CalendarRegisters::Encode(CalendarTime::FromUnix(0), false, false).hour, 0x12);
  EXPECT_EQ(CalendarRegisters::Encode(CalendarTime::FromUnix(43'200), false, false).hour, 0x92);
}

TEST(CalendarTest, AnyBytesDecodeToADate) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto b = static_cast<uint8_t>(byte);
    for (const bool binary : {false, true}) {
      for (const bool hours24 : {false, true}) {
        const CalendarTime time = CalendarRegisters{b, b, b, b, b, b, b, b}.Decode(binary, hours24);
        const CalendarTime again = CalendarTime::FromUnix(time.ToUnix());
        ASSERT_EQ(again.day, time.day) << byte;
        ASSERT_EQ(again.month, time.month) << byte;
        ASSERT_EQ(again.year, time.year) << byte;
        ASSERT_EQ(again.hour, time.hour) << byte;
      }
    }
  }
  // The 31st of February is its last day.
  const CalendarRegisters registers{0, 0, 0, 1, 31, 2, 23, 20};
  EXPECT_EQ(registers.Decode(true, true).day, 28U);
}

}  // namespace
}  // namespace vmtest
