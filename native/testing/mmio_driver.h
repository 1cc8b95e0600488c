// MmioDriver: the driver's side of virtio over MMIO (virtio 1.2, sections 3.1.1 and 4.2), for tests
// and fuzz targets. Step by step, so that a test can leave out, repeat or reorder any of them.
#pragma once

#include <cstdint>
#include <span>

#include "bus/bus.h"
#include "testing/driver_queue.h"

namespace vmtest {

class MmioDriver {
 public:
  explicit MmioDriver(BusDevice& transport) : transport_(transport) {}

  uint32_t Read32(uint64_t offset);
  void Write32(uint64_t offset, uint32_t value);

  uint64_t DeviceFeatures();
  void WriteDriverFeatures(uint64_t features);
  uint32_t Status();
  // Adds bits to the status, as Linux does; the status as it is read back.
  uint32_t AddStatus(uint32_t bits);

  // ACKNOWLEDGE, DRIVER, features, FEATURES_OK. True when the device accepted them.
  bool Negotiate(uint64_t features);
  // Queue `index` with the rings of `queue`, up to QueueReady.
  void SetUpQueue(uint16_t index, const QueueConfig& queue);
  bool DriverOk();
  void Notify(uint16_t index);
  // Reads and acknowledges the interrupt status, as Linux' handler does.
  uint32_t TakeInterrupts();

 private:
  BusDevice& transport_;
};

}  // namespace vmtest
