// What the tests of devices share.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/state.h"
#include "devices/device.h"
#include "devices/serial_sink.h"

namespace vmtest {

inline uint8_t In(Device& device, uint64_t offset) {
  std::array<uint8_t, 1> data{0xa5};
  device.Read(offset, data);
  return data[0];
}

inline void Out(Device& device, uint64_t offset, unsigned value) {
  const std::array<uint8_t, 1> data{static_cast<uint8_t>(value)};
  device.Write(offset, data);
}

// A register of 32 bits.
inline uint32_t In32(Device& device, uint64_t offset) {
  std::array<uint8_t, 4> data{0xa5, 0xa5, 0xa5, 0xa5};
  device.Read(offset, data);
  return uint32_t{data[0]} | uint32_t{data[1]} << 8 | uint32_t{data[2]} << 16 |
         uint32_t{data[3]} << 24;
}

inline void Out32(Device& device, uint64_t offset, uint32_t value) {
  const std::array<uint8_t, 4> data{static_cast<uint8_t>(value), static_cast<uint8_t>(value >> 8),
                                    static_cast<uint8_t>(value >> 16),
                                    static_cast<uint8_t>(value >> 24)};
  device.Write(offset, data);
}

inline std::vector<uint8_t> SaveState(const Device& device) {
  StateWriter writer;
  device.Save(writer);
  return writer.bytes();
}

// True when the device took all of it.
inline bool LoadState(Device& device, const std::vector<uint8_t>& bytes) {
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
