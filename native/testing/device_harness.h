// DeviceHarness: a virtio device with its queues and a driver for each, without a transport.
//
// Everything happens on the calling thread: what the device needs a loop for, the test drives with
// EventLoop::RunOnce.
#pragma once

#include <memory>
#include <vector>

#include "testing/driver_queue.h"
#include "testing/recording_interrupt.h"
#include "virtio/device.h"

namespace vmtest {

class DeviceHarness {
 public:
  struct Options {
    uint64_t features = 0;     // of the device, as the driver accepted them
    uint16_t queue_size = 16;  // of each queue
    bool event_index = false;
    uint64_t area = 4 * kMiB;  // guest memory for each queue's rings and buffers
  };

  // Neither activates nor notifies. The device must outlive this.
  DeviceHarness(VirtioDevice& device, const Options& options);

  // As DRIVER_OK does. Call it again after Reset: the rings start afresh.
  [[nodiscard]] Result<> Activate();
  // As a write of 0 to the status register does.
  void Reset();

  DriverQueue& driver(uint16_t index) { return *drivers_[index]; }
  Queue& queue(uint16_t index) { return queues_[index]; }
  RecordingInterrupt& interrupt() { return interrupt_; }
  const GuestMemory& memory() const { return memory_; }

  // Notifies the device when it wants to hear of what was published, as a driver does, and again
  // for as long as it asks for that.
  void Kick(uint16_t index);

 private:
  VirtioDevice& device_;
  Options options_;
  GuestMemory memory_;
  std::vector<Queue> queues_;
  std::vector<std::unique_ptr<DriverQueue>> drivers_;
  RecordingInterrupt interrupt_;
};

}  // namespace vmtest
