#include "devices/pvpanic.h"

namespace vmtest {

uint8_t Pvpanic::ReadPort(uint64_t offset) {
  return offset == 0 ? uint8_t{kPanicked | kCrashLoaded} : uint8_t{0xff};
}

void Pvpanic::WritePort(uint64_t offset, uint8_t value) {
  if (offset != 0) {
    return;
  }
  if ((value & kPanicked) != 0) {
    Call(on_panic_);
  }
  if ((value & kCrashLoaded) != 0) {
    Call(on_crash_loaded_);
  }
}

}  // namespace vmtest
