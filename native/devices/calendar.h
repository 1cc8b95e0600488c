// The clock-calendar registers of a MC146818, as values and as bytes.
#pragma once

#include <cstdint>

namespace vmtest {

// A moment in UTC, in the Gregorian calendar.
struct CalendarTime {
  int year;        // 0 to 9999
  unsigned month;  // 1 to 12
  unsigned day;    // 1 to 31
  unsigned hour;   // 0 to 23
  unsigned minute;
  unsigned second;
  unsigned weekday;  // 1 (Sunday) to 7

  // From and to seconds since 1970. FromUnix clamps to years 0 to 9999; ToUnix ignores the weekday.
  static CalendarTime FromUnix(int64_t seconds);
  int64_t ToUnix() const;
};

// The same as register contents. The representation is the guest's choice: BCD or binary, 12 or 24
// hours (the upper bit of the hour is then "afternoon").
struct CalendarRegisters {
  uint8_t second;
  uint8_t minute;
  uint8_t hour;
  uint8_t weekday;
  uint8_t day;
  uint8_t month;
  uint8_t year;
  uint8_t century;

  static CalendarRegisters Encode(const CalendarTime& time, bool binary, bool hours24);
  // Anything can stand in the registers: what is out of range is moved into it.
  CalendarTime Decode(bool binary, bool hours24) const;
};

}  // namespace vmtest
