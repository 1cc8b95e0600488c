// MmioTransport: virtio over MMIO, version 2 (virtio 1.2, section 4.2).
//
//   vCPU threads                          the device's loop
//   Read, Write ── registers (mutex_)
//        │   status: RunSync ───────────> Activate, Reset
//        │   config: RunSync ───────────> ReadConfig, WriteConfig
//        └── notify: queue_event(i) ────> OnQueueNotify(i)        (KVM signals it by itself)
//   interrupt <── irq_event() <───────── SignalQueue, SignalConfig, Fail
//
// Locks: mutex_ guards the registers and is taken by vCPU threads only, which may wait for the loop
// while they hold it. The loop's side never takes it: whatever both sides touch is atomic. So a
// vCPU never waits for a device that waits for it, and reading the interrupt status never waits.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "event/event_loop.h"
#include "virtio/device.h"

namespace vmtest {

class MmioTransport final : public BusDevice, public VirtioInterrupt {
 public:
  // Told, on any thread, when the device can no longer go on and why. One line. Must not block.
  using Log = std::function<void(const std::string& message)>;

  struct QueueCounters {
    uint64_t popped;     // buffers taken from the driver
    uint64_t pushed;     // buffers given back
    uint64_t notified;   // times that the driver's notification reached the device
    uint64_t signalled;  // interrupts sent for the queue
  };

  // `loop` is the device's, and both must outlive this, as must `memory`. `irq` is signalled once
  // for each interrupt, edge-triggered. On the loop's thread or before it runs, as is destruction
  // (or after it ended).
  static Result<std::unique_ptr<MmioTransport>> Create(VirtioDevice& device, EventLoop& loop,
                                                       const GuestMemory& memory, EventFd irq,
                                                       Log log = {});

  uint16_t queue_count() const { return static_cast<uint16_t>(registers_.size()); }
  // For KVM_IOEVENTFD at register QueueNotify (mmio_registers.h), 4 bytes, datamatch `index`.
  const EventFd& queue_event(uint16_t index) const { return queue_events_[index]; }
  // For KVM_IRQFD.
  const EventFd& irq_event() const { return irq_; }
  // One for each queue, since construction. Any thread.
  std::vector<QueueCounters> counters() const;

  // BusDevice. Registers answer aligned 32-bit accesses only: any other read is zero, any other
  // write is lost. Configuration space (offset 0x100) takes every width.
  void Read(uint64_t offset, std::span<uint8_t> data) override;
  void Write(uint64_t offset, std::span<const uint8_t> data) override;

  // VirtioInterrupt. Any thread, never blocks.
  void SignalQueue(uint16_t index) override;
  void SignalConfig() override;
  void NotifyAgain(uint16_t index) override;
  void Fail(std::string_view why) override;

  // As VirtioDevice's, for device and queues together; each waits for the loop. The vCPUs stand
  // still from Pause to Resume. Save and Load come in between, Load into a transport that no driver
  // has touched. Load fails on state that is damaged or belongs to another device; the transport is
  // of no use then.
  void Pause();
  void Resume();
  void Save(StateWriter& writer);
  Result<> Load(StateReader& reader);

 private:
  // What the driver has written about one queue; checked when it says DRIVER_OK.
  struct QueueRegisters {
    uint32_t size = 0;
    bool ready = false;
    GuestAddress descriptors = 0;
    GuestAddress available = 0;
    GuestAddress used = 0;
  };
  struct QueueStatistics {
    Counter notified;
    Counter signalled;
  };

  MmioTransport(VirtioDevice& device, EventLoop& loop, const GuestMemory& memory, EventFd irq,
                Log log);

  // With mutex_ held, except for registers that are atomic.
  uint32_t ReadRegister(uint64_t offset);
  void WriteRegister(uint64_t offset, uint32_t value);
  void WriteQueueRegister(uint64_t offset, uint32_t value);
  void WriteStatus(uint32_t value);
  bool FeaturesAcceptable() const;
  bool QueuesConfigurable() const;
  QueueRegisters* SelectedQueue();

  // On the loop.
  void OnNotify(uint16_t index);
  void OnDriverOk();
  bool EnableQueue(size_t index);
  Result<> ActivateDevice();
  void ResetDevice();
  void LoadQueues(StateReader& reader, bool active);

  void RaiseInterrupt(uint32_t cause);

  VirtioDevice& device_;
  EventLoop& loop_;
  const GuestMemory& memory_;
  const EventFd irq_;
  const Log log_;
  const VirtioType type_;
  const uint64_t offered_;  // features
  const std::vector<uint16_t> queue_sizes_;

  std::mutex mutex_;  // guards the next block
  uint32_t device_features_sel_ = 0;
  uint32_t driver_features_sel_ = 0;
  uint32_t queue_sel_ = 0;
  uint64_t driver_features_ = 0;
  std::vector<QueueRegisters> registers_;

  // Written by vCPU threads with mutex_ held, read by all. NEEDS_RESET is apart, below.
  std::atomic<uint32_t> status_ = 0;
  // Both sides.
  std::atomic<bool> needs_reset_ = false;
  std::atomic<uint32_t> interrupt_status_ = 0;
  std::atomic<uint32_t> config_generation_ = 0;
  std::vector<QueueStatistics> statistics_;

  // The loop's thread.
  std::vector<Queue> queues_;
  bool active_ = false;
  bool paused_ = false;

  std::vector<EventFd> queue_events_;
  std::vector<Watch> watches_;  // after queue_events_: they must go first
};

}  // namespace vmtest
