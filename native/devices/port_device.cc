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

void PortDevice::LoadVersion(StateReader& reader) {
  if (reader.U8() != 1) {
    reader.MarkBad();
  }
}

void PortDevice::Call(const std::function<void()>& callback) {
  if (callback) {
    callback();
  }
}

}  // namespace vmtest
