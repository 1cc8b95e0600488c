// AcpiPower: the sleep control, sleep status and reset registers of a hardware-reduced ACPI
// machine (ACPI 6.5, sections 4.8.3.6 and 4.8.3.7), as three ports. The FADT names their addresses.
#pragma once

#include "devices/port_device.h"

namespace vmtest {

class AcpiPower final : public PortDevice {
 public:
  static constexpr uint64_t kPorts = 3;
  static constexpr uint64_t kSleepControl = 0;
  static constexpr uint64_t kSleepStatus = 1;
  static constexpr uint64_t kReset = 2;

  // What the firmware tables must say: \_S5's SLP_TYP, and FADT's RESET_VALUE.
  static constexpr uint8_t kSleepTypeS5 = 5;
  static constexpr uint8_t kResetValue = 1;

  AcpiPower(std::function<void()> on_poweroff, std::function<void()> on_reset)
      : on_poweroff_(std::move(on_poweroff)), on_reset_(std::move(on_reset)) {}

  void Save(StateWriter& writer) const override { SaveVersion(writer); }
  void Load(StateReader& reader) override { LoadVersion(reader); }

 protected:
  uint8_t ReadPort(uint64_t offset) override;
  void WritePort(uint64_t offset, uint8_t value) override;

 private:
  // Constant after construction: no mutex.
  const std::function<void()> on_poweroff_;
  const std::function<void()> on_reset_;
};

}  // namespace vmtest
