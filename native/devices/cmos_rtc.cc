#include "devices/cmos_rtc.h"

#include <algorithm>
#include <ctime>

namespace vmtest {
namespace {

constexpr uint64_t kIndexPort = 0;
constexpr uint64_t kDataPort = 1;
constexpr uint8_t kIndexMask = 0x7f;  // bit 7 masks the NMI, which we have none of

// Register numbers.
constexpr uint8_t kSecond = 0x00;
constexpr uint8_t kMinute = 0x02;
constexpr uint8_t kHour = 0x04;
constexpr uint8_t kWeekday = 0x06;
constexpr uint8_t kDay = 0x07;
constexpr uint8_t kMonth = 0x08;
constexpr uint8_t kYear = 0x09;
constexpr uint8_t kA = 0x0a;
constexpr uint8_t kB = 0x0b;
constexpr uint8_t kC = 0x0c;
constexpr uint8_t kD = 0x0d;
constexpr uint8_t kCentury = 0x32;  // not the chip's: a custom of PCs, and FADT's CENTURY

constexpr uint8_t kAUpdating = 0x80;
constexpr uint8_t kAAtStart = 0x26;  // 32768 Hz crystal, 1024 Hz periodic rate
constexpr uint8_t kBSet = 0x80;
constexpr uint8_t kBBinary = 0x04;
constexpr uint8_t kB24Hours = 0x02;
constexpr uint8_t kDValid = 0x80;

constexpr uint64_t kSecondNs = 1'000'000'000;
// Data sheet, "update cycle": the flag rises 244 us before the registers change, so that who sees
// it clear has that long to read.
constexpr uint64_t kUpdatingNs = 244'000;

bool IsTime(uint8_t index) {
  return index == kSecond || index == kMinute || index == kHour ||
         (index >= kWeekday && index <= kYear) || index == kCentury;
}

}  // namespace

CmosRtc::CmosRtc(int64_t base_seconds, uint64_t memory_bytes, Clock clock)
    : clock_(std::move(clock)) {
  ram_[kA] = kAAtStart;
  ram_[kB] = kB24Hours;
  if (memory_bytes != 0) {
    StoreMemorySize(memory_bytes);
  }
  SetClock(base_seconds, 0);
}

void CmosRtc::StoreMemorySize(uint64_t bytes) {
  // Little-endian numbers of `count` bytes, at most their largest value.
  const auto store = [this](size_t at, size_t count, uint64_t value) {
    value = std::min(value, (uint64_t{1} << (8 * count)) - 1);
    for (size_t i = 0; i < count; ++i) {
      ram_[at + i] = static_cast<uint8_t>(value >> (8 * i));
    }
  };
  const auto above = [bytes](uint64_t start) { return bytes > start ? bytes - start : 0; };
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  constexpr uint64_t kHoleAt = 3072 * kMiB;  // what is more than this lies above 4 GiB
  const uint64_t below_hole = std::min(bytes, kHoleAt);
  store(0x15, 2, 640);                 // KiB of conventional memory
  store(0x17, 2, above(kMiB) / 1024);  // KiB above 1 MiB
  store(0x30, 2, above(kMiB) / 1024);  // the same, as found
  store(0x34, 2, (std::max(below_hole, 16 * kMiB) - 16 * kMiB) / 65536);  // 64 KiB above 16 MiB
  store(0x5b, 3, above(kHoleAt) / 65536);                                 // 64 KiB above 4 GiB
}

void CmosRtc::SetTime(int64_t unix_seconds) {
  const std::lock_guard lock(mutex_);
  SetClock(unix_seconds, 0);
  if (Halted()) {
    Latch();
  }
}

void CmosRtc::SetClock(int64_t seconds, uint64_t nanoseconds) {
  // Within the calendar, so that no sum below can overflow.
  base_seconds_ = CalendarTime::FromUnix(seconds).ToUnix();
  base_clock_ = clock_() - nanoseconds;
}

CmosRtc::Now CmosRtc::Time() const {
  // Unsigned and wrapping: base_clock_ may lie before the clock's zero.
  const uint64_t passed = clock_() - base_clock_;
  return {.seconds = base_seconds_ + static_cast<int64_t>(passed / kSecondNs),
          .nanoseconds = passed % kSecondNs};
}

bool CmosRtc::Halted() const { return (ram_[kB] & kBSet) != 0; }

uint8_t CmosRtc::ReadPort(uint64_t offset) {
  const std::lock_guard lock(mutex_);
  // The index cannot be read back on a PC.
  return offset == kDataPort ? ReadRegister(index_) : uint8_t{0xff};
}

void CmosRtc::WritePort(uint64_t offset, uint8_t value) {
  const std::lock_guard lock(mutex_);
  if (offset == kIndexPort) {
    index_ = value & kIndexMask;
  } else if (offset == kDataPort) {
    WriteRegister(index_, value);
  }
}

uint8_t CmosRtc::ReadRegister(uint8_t index) const {
  switch (index) {
    case kA: {
      const bool updating = !Halted() && Time().nanoseconds >= kSecondNs - kUpdatingNs;
      return ram_[kA] | (updating ? kAUpdating : uint8_t{0});
    }
    case kC:
      return 0;  // no interrupt ever happened
    case kD:
      return kDValid;
    default:
      break;
  }
  if (!IsTime(index) || Halted()) {
    return ram_[index];
  }
  const CalendarRegisters now =
      CalendarRegisters::Encode(CalendarTime::FromUnix(Time().seconds), (ram_[kB] & kBBinary) != 0,
                                (ram_[kB] & kB24Hours) != 0);
  switch (index) {
    case kSecond:
      return now.second;
    case kMinute:
      return now.minute;
    case kHour:
      return now.hour;
    case kWeekday:
      return now.weekday;
    case kDay:
      return now.day;
    case kMonth:
      return now.month;
    case kYear:
      return now.year;
    default:
      return now.century;
  }
}

void CmosRtc::WriteRegister(uint8_t index, uint8_t value) {
  if (index == kA) {
    ram_[kA] = value & static_cast<uint8_t>(~kAUpdating);
  } else if (index == kB) {
    // SET stops the clock with the registers as they are; clearing it starts the clock from them.
    const bool was_halted = Halted();
    if (!was_halted && (value & kBSet) != 0) {
      Latch();
    }
    ram_[kB] = value;
    if (was_halted && !Halted()) {
      Commit();
    }
  } else if (index != kC && index != kD) {
    if (IsTime(index) && !Halted()) {
      Latch();
      ram_[index] = value;
      Commit();
    } else {
      ram_[index] = value;
    }
  }
}

void CmosRtc::Latch() {
  const CalendarRegisters now =
      CalendarRegisters::Encode(CalendarTime::FromUnix(Time().seconds), (ram_[kB] & kBBinary) != 0,
                                (ram_[kB] & kB24Hours) != 0);
  ram_[kSecond] = now.second;
  ram_[kMinute] = now.minute;
  ram_[kHour] = now.hour;
  ram_[kWeekday] = now.weekday;
  ram_[kDay] = now.day;
  ram_[kMonth] = now.month;
  ram_[kYear] = now.year;
  ram_[kCentury] = now.century;
}

void CmosRtc::Commit() {
  const CalendarRegisters registers{.second = ram_[kSecond],
                                    .minute = ram_[kMinute],
                                    .hour = ram_[kHour],
                                    .weekday = ram_[kWeekday],
                                    .day = ram_[kDay],
                                    .month = ram_[kMonth],
                                    .year = ram_[kYear],
                                    .century = ram_[kCentury]};
  SetClock(registers.Decode((ram_[kB] & kBBinary) != 0, (ram_[kB] & kB24Hours) != 0).ToUnix(), 0);
}

void CmosRtc::Save(StateWriter& writer) const {
  const std::lock_guard lock(mutex_);
  const Now now = Time();
  SaveVersion(writer);
  writer.U8(index_);
  writer.Bytes(ram_);
  writer.U64(static_cast<uint64_t>(now.seconds));
  writer.U32(static_cast<uint32_t>(now.nanoseconds));
}

void CmosRtc::Load(StateReader& reader) {
  const std::lock_guard lock(mutex_);
  LoadVersion(reader);
  index_ = reader.U8() & kIndexMask;
  const std::vector<uint8_t> ram = reader.Bytes(ram_.size());
  const auto seconds = static_cast<int64_t>(reader.U64());
  const uint32_t nanoseconds = reader.U32();
  if (ram.size() != ram_.size() || nanoseconds >= kSecondNs) {
    reader.MarkBad();
  }
  if (reader.ok()) {
    std::ranges::copy(ram, ram_.begin());
    ram_[kA] &= static_cast<uint8_t>(~kAUpdating);
    SetClock(seconds, nanoseconds);
  }
}

}  // namespace vmtest
