// RegisterDevice: a device of 32-bit registers, four bytes apart, as Arm's PrimeCells are.
//
// The registers are read and written whole or by their low bytes; a read may also begin inside of
// one. Everything else that a guest can do (a write to the middle, an access across two registers)
// is of no effect and reads as zero.
#pragma once

#include <cstdint>
#include <span>

#include "devices/device.h"

namespace vmtest {

class RegisterDevice : public Device {
 public:
  // Of every such device.
  static constexpr uint64_t kSize = 0x1000;

  void Read(uint64_t offset, std::span<uint8_t> data) final;
  void Write(uint64_t offset, std::span<const uint8_t> data) final;

 protected:
  // One register; `offset` is a multiple of 4 below kIdentification.
  virtual uint32_t ReadRegister(uint64_t offset) = 0;
  virtual void WriteRegister(uint64_t offset, uint32_t value) = 0;
  // The part number, revision and designer that the last 32 bytes of a PrimeCell begin with
  // (UARTPeriphID0 to 3 in DDI 0183, 3.3.15).
  virtual uint32_t PeripheralId() const = 0;

  static constexpr uint64_t kIdentification = 0xfe0;
};

}  // namespace vmtest
