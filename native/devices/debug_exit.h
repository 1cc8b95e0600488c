// DebugExit: a port whose write ends the guest with a code; for test kernels that have no driver
// yet. At the port and of the size of QEMU's isa-debug-exit, so that the same kernels work.
#pragma once

#include "devices/port_device.h"

namespace vmtest {

class DebugExit final : public PortDevice {
 public:
  // Four ports, so that `outl` reaches the device too; the lowest byte is the code.
  static constexpr uint64_t kPorts = 4;

  // `on_exit` gets the byte that was written, as it is.
  explicit DebugExit(std::function<void(uint8_t code)> on_exit) : on_exit_(std::move(on_exit)) {}

  void Save(StateWriter& writer) const override { SaveVersion(writer); }
  void Load(StateReader& reader) override { LoadVersion(reader); }

 protected:
  uint8_t ReadPort(uint64_t) override { return 0; }
  void WritePort(uint64_t offset, uint8_t value) override {
    if (offset == 0 && on_exit_) {
      on_exit_(value);
    }
  }

 private:
  const std::function<void(uint8_t)> on_exit_;  // constant after construction: no mutex
};

}  // namespace vmtest
