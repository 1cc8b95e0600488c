#include "devices/acpi_power.h"

namespace vmtest {
namespace {

// Sleep control register: SLP_TYPx and SLP_EN.
constexpr unsigned kSleepTypeShift = 2;
constexpr unsigned kSleepTypeMask = 0x7;
constexpr unsigned kSleepEnable = 1U << 5;

}  // namespace

uint8_t AcpiPower::ReadPort(uint64_t offset) {
  // SLP_EN is write-only, and WAK_STS is never set: the machine knows no sleep that it wakes from.
  return offset < kPorts ? uint8_t{0} : uint8_t{0xff};
}

void AcpiPower::WritePort(uint64_t offset, uint8_t value) {
  if (offset == kSleepControl) {
    if ((value & kSleepEnable) != 0 &&
        ((value >> kSleepTypeShift) & kSleepTypeMask) == kSleepTypeS5) {
      Call(on_poweroff_);
    }
  } else if (offset == kReset && value == kResetValue) {
    Call(on_reset_);
  }
}

}  // namespace vmtest
