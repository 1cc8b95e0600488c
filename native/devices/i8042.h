// I8042: the keyboard controller, without a keyboard: enough for a driver's probe to succeed and
// for the oldest way to reset a PC. The FADT says that there is none (IAPC_BOOT_ARCH), so Linux
// comes here to reboot only.
#pragma once

#include <mutex>
#include <optional>
#include <utility>

#include "devices/port_device.h"

namespace vmtest {

class I8042 final : public PortDevice {
 public:
  // 0x60 to 0x64. Between them 0x61 belongs to the in-kernel PIT where there is one.
  static constexpr uint64_t kPorts = 5;
  static constexpr uint64_t kData = 0;
  static constexpr uint64_t kSystemControlB = 1;
  static constexpr uint64_t kCommand = 4;  // read: status

  explicit I8042(std::function<void()> on_reset) : on_reset_(std::move(on_reset)) {}

  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 protected:
  uint8_t ReadPort(uint64_t offset) override;
  void WritePort(uint64_t offset, uint8_t value) override;

 private:
  // True when the machine is to be reset.
  bool Command(uint8_t command);
  bool Data(uint8_t value);

  const std::function<void()> on_reset_;
  mutable std::mutex mutex_;
  std::optional<uint8_t> output_;  // the output buffer, what port 0x60 gives
  uint8_t last_output_ = 0;        // what it gives when it is empty
  uint8_t waiting_ = 0;            // the command whose data byte is awaited, or 0
  bool last_was_command_ = false;
  uint8_t config_ = 0x34;       // keyboard and mouse disabled, system flag
  uint8_t output_port_ = 0x03;  // not in reset, A20 on
};

}  // namespace vmtest
