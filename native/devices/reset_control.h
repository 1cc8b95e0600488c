// ResetControl: the reset control register of PC chipsets, port 0xcf9 (Intel ICH/PCH datasheets,
// RST_CNT). Linux's reboot=pci and its last resort.
#pragma once

#include <mutex>

#include "devices/port_device.h"

namespace vmtest {

class ResetControl final : public PortDevice {
 public:
  static constexpr uint64_t kPorts = 1;

  explicit ResetControl(std::function<void()> on_reset) : on_reset_(std::move(on_reset)) {}

  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 protected:
  uint8_t ReadPort(uint64_t offset) override;
  void WritePort(uint64_t offset, uint8_t value) override;

 private:
  const std::function<void()> on_reset_;
  mutable std::mutex mutex_;
  uint8_t value_ = 0;  // what is read back: SYS_RST and FULL_RST
};

}  // namespace vmtest
