#include "devices/port_device.h"

namespace vmtest {

void PortDevice::Read(uint64_t offset, std::span<uint8_t> data) {
  for (uint8_t& byte : data) {
    byte = ReadPort(offset++);
  }
}

void PortDevice::Write(uint64_t offset, std::span<const uint8_t> data) {
  for (const uint8_t byte : data) {
    WritePort(offset++, byte);
  }
}

}  // namespace vmtest
