#include "devices/calendar.h"

#include <algorithm>
#include <chrono>

namespace vmtest {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr int64_t kSecondsOfDay = 86'400;
constexpr uint8_t kAfternoon = 0x80;

constexpr int64_t SecondsAt(int year, unsigned month, unsigned day) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  return int64_t{sys_days(date).time_since_epoch().count()} * kSecondsOfDay;
}

constexpr int64_t kFirst = SecondsAt(0, 1, 1);
constexpr int64_t kLast = SecondsAt(10'000, 1, 1) - 1;

uint8_t EncodeNumber(unsigned value, bool binary) {
  return static_cast<uint8_t>(binary ? value : ((value / 10) << 4) | (value % 10));
}

unsigned DecodeNumber(uint8_t value, bool binary) {
  return binary ? value : (value >> 4) * 10U + (value & 0x0fU);
}

}  // namespace

CalendarTime CalendarTime::FromUnix(int64_t seconds) {
  seconds = std::clamp(seconds, kFirst, kLast);
  const sys_days day =
      std::chrono::floor<days>(std::chrono::sys_seconds{std::chrono::seconds(seconds)});
  const std::chrono::year_month_day date(day);
  const auto rest =
      static_cast<unsigned>(seconds - int64_t{day.time_since_epoch().count()} * kSecondsOfDay);
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = rest / 3600,
          .minute = rest / 60 % 60,
          .second = rest % 60,
          .weekday = std::chrono::weekday(day).c_encoding() + 1};
}

int64_t CalendarTime::ToUnix() const {
  return SecondsAt(year, month, day) + int64_t{hour} * 3600 + int64_t{minute} * 60 + second;
}

CalendarRegisters CalendarRegisters::Encode(const CalendarTime& time, bool binary, bool hours24) {
  const auto year = static_cast<unsigned>(time.year);
  uint8_t hour = EncodeNumber(time.hour, binary);
  if (!hours24) {
    const unsigned hour12 = time.hour % 12 == 0 ? 12 : time.hour % 12;
    hour = EncodeNumber(hour12, binary) | (time.hour >= 12 ? kAfternoon : uint8_t{0});
  }
  return {.second = EncodeNumber(time.second, binary),
          .minute = EncodeNumber(time.minute, binary),
          .hour = hour,
          .weekday = EncodeNumber(time.weekday, binary),
          .day = EncodeNumber(time.day, binary),
          .month = EncodeNumber(time.month, binary),
          .year = EncodeNumber(year % 100, binary),
          .century = EncodeNumber(year / 100, binary)};
}

CalendarTime CalendarRegisters::Decode(bool binary, bool hours24) const {
  unsigned hour_value = DecodeNumber(hour, binary);
  if (!hours24) {
    const unsigned hour12 = DecodeNumber(hour & static_cast<uint8_t>(~kAfternoon), binary);
    hour_value = hour12 % 12 + ((hour & kAfternoon) != 0 ? 12 : 0);
  }
  const unsigned year_value = std::min(DecodeNumber(century, binary), 99U) * 100 +
                              std::min(DecodeNumber(year, binary), 99U);
  const unsigned month_value = std::clamp(DecodeNumber(month, binary), 1U, 12U);
  const std::chrono::year_month_day_last last(
      std::chrono::year(static_cast<int>(year_value)),
      std::chrono::month_day_last(std::chrono::month(month_value)));
  return {.year = static_cast<int>(year_value),
          .month = month_value,
          .day = std::clamp(DecodeNumber(day, binary), 1U, static_cast<unsigned>(last.day())),
          .hour = std::min(hour_value, 23U),
          .minute = std::min(DecodeNumber(minute, binary), 59U),
          .second = std::min(DecodeNumber(second, binary), 59U),
          .weekday = std::clamp(DecodeNumber(weekday, binary), 1U, 7U)};
}

}  // namespace vmtest
