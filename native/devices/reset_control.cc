#include "devices/reset_control.h"

namespace vmtest {
namespace {

constexpr uint8_t kSystemReset = 1U << 1;  // a hard reset instead of INIT
constexpr uint8_t kResetCpu = 1U << 2;     // do it now
constexpr uint8_t kFullReset = 1U << 3;    // with a power cycle
constexpr uint8_t kKept = kSystemReset | kFullReset;

}  // namespace

uint8_t ResetControl::ReadPort(uint64_t offset) {
  const std::lock_guard lock(mutex_);
  return offset == 0 ? value_ : uint8_t{0xff};
}

void ResetControl::WritePort(uint64_t offset, uint8_t value) {
  if (offset != 0) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    value_ = value & kKept;
  }
  if ((value & kResetCpu) != 0) {
    Call(on_reset_);
  }
}

void ResetControl::Save(StateWriter& writer) const {
  const std::lock_guard lock(mutex_);
  SaveVersion(writer);
  writer.U8(value_);
}

void ResetControl::Load(StateReader& reader) {
  const std::lock_guard lock(mutex_);
  LoadVersion(reader);
  value_ = reader.U8() & kKept;
}

}  // namespace vmtest
