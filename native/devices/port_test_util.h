// What the tests of port devices share.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/state.h"
#include "devices/port_device.h"
#include "devices/serial_sink.h"

namespace vmtest {

inline uint8_t In(PortDevice& device, uint64_t offset) {
  std::array<uint8_t, 1> data{0xa5};
  device.Read(offset, data);
  return data[0];
}

inline void Out(PortDevice& device, uint64_t offset, unsigned value) {
  const std::array<uint8_t, 1> data{static_cast<uint8_t>(value)};
  device.Write(offset, data);
}

inline std::vector<uint8_t> SaveState(const PortDevice& device) {
  StateWriter writer;
  device.Save(writer);
  return writer.bytes();
}

// True when the device took all of it.
inline bool LoadState(PortDevice& device, const std::vector<uint8_t>& bytes) {
  StateReader reader(bytes);
  device.Load(reader);
  return reader.AtEnd();
}

class RecordingSink final : public SerialSink {
 public:
  void Write(std::span<const uint8_t> data) override {
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  void OnInputRoom() override { ++rooms; }

  std::vector<uint8_t> bytes;
  int rooms = 0;
};

}  // namespace vmtest
