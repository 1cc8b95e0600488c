// Bus: which device answers at which address. One for port I/O, one for memory-mapped I/O.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/result.h"

namespace vmtest {

// A device that answers at addresses: called on vCPU threads, several at once, so it guards itself
// (a mutex of its own) or hands over to its loop.
class BusDevice {
 public:
  virtual ~BusDevice() = default;

  // `offset` is relative to the start of the device's range, and offset + data.size() never passes
  // its end. The guest chooses both: any width and alignment can come. Read fills all of `data`.
  virtual void Read(uint64_t offset, std::span<uint8_t> data) = 0;
  virtual void Write(uint64_t offset, std::span<const uint8_t> data) = 0;
};

class Bus {
 public:
  // `name` is for messages. The device must outlive the bus. Refuses empty, wrapping and
  // overlapping ranges. Not thread-safe: every device is added before the first vCPU runs.
  Result<> Add(uint64_t start, uint64_t size, BusDevice& device, std::string name);

  // An access of a vCPU. False when nobody answers at that address, or when the access runs over
  // the end of a device's range: a read is then all ones, as on real hardware, a write is lost.
  bool Read(uint64_t address, std::span<uint8_t> data) const;
  bool Write(uint64_t address, std::span<const uint8_t> data) const;

 private:
  struct Range {
    uint64_t size;
    BusDevice* device;
    std::string name;
  };
  struct Hit {
    BusDevice* device;
    uint64_t offset;
  };
  Hit Find(uint64_t address, uint64_t size) const;

  std::map<uint64_t, Range> ranges_;  // by start
};

}  // namespace vmtest
