// PortDevice: a device of byte-wide registers behind I/O ports.
//
// A wider access is what it is on the ISA/LPC bus: one byte after the other, rising. That defines
// every width at every offset, so a device only ever handles one register at a time.
#pragma once

#include <cstdint>
#include <span>

#include "devices/device.h"

namespace vmtest {

class PortDevice : public Device {
 public:
  void Read(uint64_t offset, std::span<uint8_t> data) final;
  void Write(uint64_t offset, std::span<const uint8_t> data) final;

 protected:
  // One register; `offset` is relative to the start of the range. Any offset can come.
  virtual uint8_t ReadPort(uint64_t offset) = 0;
  virtual void WritePort(uint64_t offset, uint8_t value) = 0;
};

}  // namespace vmtest
