#include "devices/pl031.h"

namespace vmtest {
namespace {

// 3.2, summary of registers.
enum Register : uint64_t {
  kData = 0x00,
  kMatch = 0x04,
  kLoad = 0x08,
  kControl = 0x0c,
  kMask = 0x10,
};

// Part 0x031, designer 0x41 (Arm), revision 0 (3.3.9).
constexpr uint32_t kPeripheralId = 0x0004'1031;

constexpr uint64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

Pl031::Pl031(int64_t base_seconds, Clock clock) : clock_(std::move(clock)) {
  // Its counter has 32 bits: that is all that this clock can tell.
  SetNow(static_cast<uint32_t>(base_seconds));
}

uint32_t Pl031::PeripheralId() const { return kPeripheralId; }

uint32_t Pl031::Now() const {
  return base_seconds_ + static_cast<uint32_t>((clock_() - base_clock_) / kNanosPerSecond);
}

void Pl031::SetNow(uint32_t seconds) {
  base_seconds_ = seconds;
  base_clock_ = clock_();
}

uint32_t Pl031::ReadRegister(uint64_t offset) {
  const std::lock_guard lock(mutex_);
  switch (offset) {
    case kData:
      return Now();
    case kMatch:
      return match_;
    case kLoad:
      return load_;
    case kControl:
      return 1;  // 3.3.4: once started it always runs
    case kMask:
      return mask_ ? 1 : 0;
    default:
      return 0;  // the interrupt registers: there is none
  }
}

void Pl031::WriteRegister(uint64_t offset, uint32_t value) {
  const std::lock_guard lock(mutex_);
  switch (offset) {
    case kMatch:
      match_ = value;
      return;
    case kLoad:
      load_ = value;
      SetNow(value);
      return;
    case kMask:
      mask_ = (value & 1) != 0;
      return;
    default:
      return;
  }
}

void Pl031::Save(StateWriter& writer) const {
  const std::lock_guard lock(mutex_);
  SaveVersion(writer);
  writer.U32(Now());
  writer.U32(load_);
  writer.U32(match_);
  writer.Bool(mask_);
}

void Pl031::Load(StateReader& reader) {
  const std::lock_guard lock(mutex_);
  LoadVersion(reader);
  SetNow(reader.U32());
  load_ = reader.U32();
  match_ = reader.U32();
  mask_ = reader.Bool();
}

}  // namespace vmtest
