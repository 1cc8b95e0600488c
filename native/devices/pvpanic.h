// Pvpanic: the port through which a guest's kernel says that it panicked (QEMU,
// docs/specs/pvpanic.rst). Linux finds it through ACPI as QEMU0001.
#pragma once

#include "devices/port_device.h"

namespace vmtest {

class Pvpanic final : public PortDevice {
 public:
  static constexpr uint64_t kPorts = 1;
  static constexpr uint8_t kPanicked = 1U << 0;
  // The panic was taken by a crash kernel (kexec), which goes on to run.
  static constexpr uint8_t kCrashLoaded = 1U << 1;

  explicit Pvpanic(std::function<void()> on_panic, std::function<void()> on_crash_loaded = {})
      : on_panic_(std::move(on_panic)), on_crash_loaded_(std::move(on_crash_loaded)) {}

  void Save(StateWriter& writer) const override { SaveVersion(writer); }
  void Load(StateReader& reader) override { LoadVersion(reader); }

 protected:
  // Which events may be reported.
  uint8_t ReadPort(uint64_t offset) override;
  void WritePort(uint64_t offset, uint8_t value) override;

 private:
  // Constant after construction: no mutex.
  const std::function<void()> on_panic_;
  const std::function<void()> on_crash_loaded_;
};

}  // namespace vmtest
