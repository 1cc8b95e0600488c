#include "testing/device_harness.h"

#include <array>

#include "base/check.h"

namespace vmtest {
namespace {

GuestMemory MakeMemory(uint64_t size) {
  const std::array<GuestMemory::Range, 1> ranges{{{.start = 0, .size = size}}};
  return GuestMemory::Create(ranges).value();
}

}  // namespace

DeviceHarness::DeviceHarness(VirtioDevice& device, const Options& options)
    : device_(device),
      options_(options),
      memory_(MakeMemory(options.area * device.queue_sizes().size())),
      queues_(device.queue_sizes().size()) {}

Result<> DeviceHarness::Activate() {
  drivers_.clear();
  for (size_t i = 0; i < queues_.size(); ++i) {
    drivers_.push_back(std::make_unique<DriverQueue>(
        memory_, i * options_.area, options_.area,
        DriverQueue::Options{
            .size = options_.queue_size, .event_index = options_.event_index, .indirect = true}));
    VMTEST_CHECK(queues_[i].Enable(memory_, drivers_[i]->config()));
  }
  return device_.Activate({.memory = &memory_,
                           .features = options_.features | kFeatureVersion1,
                           .queues = queues_,
                           .interrupt = &interrupt_});
}

void DeviceHarness::Reset() {
  device_.Reset();
  for (Queue& queue : queues_) {
    queue.Disable();
  }
}

void DeviceHarness::Kick(uint16_t index) {
  if (drivers_[index]->NeedsNotify()) {
    device_.OnQueueNotify(index);
  }
  while (interrupt_.TakeNotifyAgain(index) && !interrupt_.failed()) {
    device_.OnQueueNotify(index);
  }
}

}  // namespace vmtest
