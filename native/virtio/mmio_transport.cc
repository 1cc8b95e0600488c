#include "virtio/mmio_transport.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "virtio/mmio_registers.h"

namespace vmtest {
namespace {

// What the transport does for every device; virtio 1.2, section 6.
constexpr uint64_t kTransportFeatures =
    kFeatureVersion1 | kFeatureEventIndex | kFeatureIndirectDescriptors;
// The status of a driver that has come all the way up.
constexpr uint32_t kRunning =
    mmio::kAcknowledge | mmio::kDriver | mmio::kFeaturesOk | mmio::kDriverOk;
constexpr uint8_t kStateVersion = 1;

void SetLow(uint64_t& value, uint32_t low) { value = (value & ~uint64_t{UINT32_MAX}) | low; }
void SetHigh(uint64_t& value, uint32_t high) {
  value = (value & UINT32_MAX) | (uint64_t{high} << 32);
}
uint32_t Half(uint64_t value, uint32_t select) {
  return select > 1 ? 0 : static_cast<uint32_t>(value >> (32 * select));
}

}  // namespace

Result<std::unique_ptr<MmioTransport>> MmioTransport::Create(VirtioDevice& device, EventLoop& loop,
                                                             const GuestMemory& memory, EventFd irq,
                                                             Log log) {
  std::unique_ptr<MmioTransport> transport(
      new MmioTransport(device, loop, memory, std::move(irq), std::move(log)));
  for (size_t i = 0; i < transport->queue_sizes_.size(); ++i) {
    transport->queue_events_.push_back(VM_TRY(EventFd::Create()));
  }
  for (uint16_t i = 0; i < transport->queue_count(); ++i) {
    transport->watches_.push_back(
        VM_TRY(loop.Add(transport->queue_events_[i].fd(), EPOLLIN,
                        [self = transport.get(), i](uint32_t) { self->OnNotify(i); })));
  }
  return transport;
}

MmioTransport::MmioTransport(VirtioDevice& device, EventLoop& loop, const GuestMemory& memory,
                             EventFd irq, Log log)
    : device_(device),
      loop_(loop),
      memory_(memory),
      irq_(std::move(irq)),
      log_(std::move(log)),
      type_(device.type()),
      offered_(device.features() | kTransportFeatures),
      queue_sizes_(device.queue_sizes().begin(), device.queue_sizes().end()),
      registers_(queue_sizes_.size()),
      statistics_(queue_sizes_.size()),
      queues_(queue_sizes_.size()) {}

std::vector<MmioTransport::QueueCounters> MmioTransport::counters() const {
  std::vector<QueueCounters> all;
  for (size_t i = 0; i < queues_.size(); ++i) {
    all.push_back({.popped = queues_[i].popped(),
                   .pushed = queues_[i].pushed(),
                   .notified = statistics_[i].notified.Get(),
                   .signalled = statistics_[i].signalled.Get()});
  }
  return all;
}

void MmioTransport::Read(uint64_t offset, std::span<uint8_t> data) {
  std::ranges::fill(data, uint8_t{0});
  if (offset >= mmio::kConfig) {
    loop_.RunSync([&] { device_.ReadConfig(offset - mmio::kConfig, data); });
  } else if (data.size() == sizeof(uint32_t) && offset % sizeof(uint32_t) == 0) {
    const uint32_t value = ReadRegister(offset);
    std::memcpy(data.data(), &value, sizeof(value));
  }
}

void MmioTransport::Write(uint64_t offset, std::span<const uint8_t> data) {
  if (offset >= mmio::kConfig) {
    // A driver touches the configuration only after negotiation (3.1.1).
    if ((status_ & mmio::kFeaturesOk) != 0) {
      loop_.RunSync([&] { device_.WriteConfig(offset - mmio::kConfig, data); });
    }
  } else if (data.size() == sizeof(uint32_t) && offset % sizeof(uint32_t) == 0) {
    uint32_t value = 0;
    std::memcpy(&value, data.data(), sizeof(value));
    WriteRegister(offset, value);
  }
}

uint32_t MmioTransport::ReadRegister(uint64_t offset) {
  switch (offset) {  // those that need no lock
    case mmio::kMagicValue:
      return mmio::kMagic;
    case mmio::kVersion:
      return mmio::kVersion2;
    case mmio::kDeviceId:
      return static_cast<uint32_t>(type_);
    case mmio::kVendorId:
      return mmio::kVendor;
    case mmio::kInterruptStatus:
      return interrupt_status_;
    case mmio::kStatus:
      return status_ | (needs_reset_ ? mmio::kNeedsReset : 0);
    case mmio::kConfigGeneration:
      return config_generation_;
    case mmio::kShmLenLow:
    case mmio::kShmLenHigh:
    case mmio::kShmBaseLow:
    case mmio::kShmBaseHigh:
      return UINT32_MAX;  // a length of all ones: there is no such region (4.2.2.1)
    default:
      break;
  }
  const std::lock_guard lock(mutex_);
  const QueueRegisters* queue = SelectedQueue();
  switch (offset) {
    case mmio::kDeviceFeatures:
      return Half(offered_, device_features_sel_);
    case mmio::kQueueNumMax:
      return queue == nullptr ? 0 : queue_sizes_[queue_sel_];
    case mmio::kQueueReady:
      return queue != nullptr && queue->ready ? 1 : 0;
    default:
      return 0;  // write-only, or nothing at all
  }
}

void MmioTransport::WriteRegister(uint64_t offset, uint32_t value) {
  switch (offset) {  // those that need no lock
    case mmio::kQueueNotify:
      if (value < queue_events_.size()) {
        queue_events_[value].Signal();
      }
      return;
    case mmio::kInterruptAck:
      interrupt_status_ &= ~value;
      return;
    default:
      break;
  }
  const std::lock_guard lock(mutex_);
  switch (offset) {
    case mmio::kDeviceFeaturesSel:
      device_features_sel_ = value;
      return;
    case mmio::kDriverFeaturesSel:
      driver_features_sel_ = value;
      return;
    case mmio::kDriverFeatures:
      // Between DRIVER and FEATURES_OK (3.1.1). Bits that nobody could know make no difference to
      // FeaturesAcceptable, except where they do not fit.
      if ((status_ & (mmio::kDriver | mmio::kFeaturesOk)) == mmio::kDriver) {
        if (driver_features_sel_ == 0) {
          SetLow(driver_features_, value);
        } else if (driver_features_sel_ == 1) {
          SetHigh(driver_features_, value);
        }
      }
      return;
    case mmio::kQueueSel:
      queue_sel_ = value;
      return;
    case mmio::kStatus:
      WriteStatus(value);
      return;
    default:
      WriteQueueRegister(offset, value);
      return;
  }
}

MmioTransport::QueueRegisters* MmioTransport::SelectedQueue() {
  return queue_sel_ < registers_.size() ? &registers_[queue_sel_] : nullptr;
}

// Queues are set up after negotiation and before DRIVER_OK (3.1.1).
bool MmioTransport::QueuesConfigurable() const {
  return (status_ & (mmio::kFeaturesOk | mmio::kDriverOk | mmio::kFailed)) == mmio::kFeaturesOk;
}

void MmioTransport::WriteQueueRegister(uint64_t offset, uint32_t value) {
  QueueRegisters* queue = SelectedQueue();
  if (queue == nullptr || !QueuesConfigurable()) {
    return;
  }
  if (offset == mmio::kQueueReady) {
    if (value <= 1) {
      queue->ready = value == 1;
    }
    return;
  }
  if (queue->ready) {
    return;  // 4.2.2.2: the driver must not change a queue that is in use
  }
  switch (offset) {
    case mmio::kQueueNum:
      queue->size = value;
      return;
    case mmio::kQueueDescLow:
      return SetLow(queue->descriptors, value);
    case mmio::kQueueDescHigh:
      return SetHigh(queue->descriptors, value);
    case mmio::kQueueDriverLow:
      return SetLow(queue->available, value);
    case mmio::kQueueDriverHigh:
      return SetHigh(queue->available, value);
    case mmio::kQueueDeviceLow:
      return SetLow(queue->used, value);
    case mmio::kQueueDeviceHigh:
      return SetHigh(queue->used, value);
    default:
      return;  // read-only, or nothing at all
  }
}

bool MmioTransport::FeaturesAcceptable() const {
  return (driver_features_ & kFeatureVersion1) != 0 && (driver_features_ & ~offered_) == 0;
}

// The order of 3.1.1, bit by bit: each is accepted only on top of the one before.
void MmioTransport::WriteStatus(uint32_t value) {
  if (value == 0) {
    status_ = 0;
    device_features_sel_ = 0;
    driver_features_sel_ = 0;
    queue_sel_ = 0;
    driver_features_ = 0;
    std::ranges::fill(registers_, QueueRegisters());
    loop_.RunSync([&] { ResetDevice(); });
    return;
  }
  const uint32_t old = status_;
  if ((old & ~value) != 0 || (old & mmio::kFailed) != 0) {
    return;  // 2.1.1: the driver must not clear a bit; after FAILED there is only reset
  }
  uint32_t accepted = old | (value & mmio::kFailed);
  uint32_t previous = 0;
  for (const uint32_t bit :
       {mmio::kAcknowledge, mmio::kDriver, mmio::kFeaturesOk, mmio::kDriverOk}) {
    const bool in_order = (accepted & previous) == previous;
    const bool refused = bit == mmio::kFeaturesOk && !FeaturesAcceptable();
    if ((value & bit) != 0 && in_order && !refused) {
      accepted |= bit;
    }
    previous = bit;
  }
  status_ = accepted;
  if ((accepted & ~old & mmio::kDriverOk) != 0) {
    loop_.RunSync([&] { OnDriverOk(); });
  }
}

// Runs while a vCPU holds mutex_ and waits, or while every vCPU stands still: the registers may be
// read here.
bool MmioTransport::EnableQueue(size_t index) {
  const QueueRegisters& queue = registers_[index];
  return queue.size <= queue_sizes_[index] &&
         queues_[index].Enable(memory_,
                               {.size = static_cast<uint16_t>(queue.size),
                                .descriptors = queue.descriptors,
                                .available = queue.available,
                                .used = queue.used,
                                .event_index = (driver_features_ & kFeatureEventIndex) != 0,
                                .indirect = (driver_features_ & kFeatureIndirectDescriptors) != 0});
}

void MmioTransport::OnDriverOk() {
  for (size_t i = 0; i < queues_.size(); ++i) {
    if (registers_[i].ready && !EnableQueue(i)) {
      return Fail(fmt::format("queue {} has a bad size, or rings misaligned or outside memory", i));
    }
  }
  if (const auto activated = ActivateDevice(); !activated) {
    Fail(activated.error().message);
  }
}

Result<> MmioTransport::ActivateDevice() {
  auto activated = device_.Activate(
      {.memory = &memory_, .features = driver_features_, .queues = queues_, .interrupt = this});
  active_ = activated.has_value();
  return activated;
}

void MmioTransport::ResetDevice() {
  device_.Reset();
  active_ = false;
  for (Queue& queue : queues_) {
    queue.Disable();
  }
  for (const EventFd& event : queue_events_) {
    event.Drain();
  }
  needs_reset_ = false;
  interrupt_status_ = 0;
}

void MmioTransport::OnNotify(uint16_t index) {
  queue_events_[index].Drain();
  // While paused, a notification may be dropped: Resume looks at every queue.
  if (active_ && !paused_ && !needs_reset_ && queues_[index].enabled()) {
    statistics_[index].notified.Add();
    device_.OnQueueNotify(index);
  }
}

// The cause is there before the edge: the driver's handler reads it first thing.
void MmioTransport::RaiseInterrupt(uint32_t cause) {
  interrupt_status_ |= cause;
  irq_.Signal();
}

void MmioTransport::SignalQueue(uint16_t index) {
  VMTEST_CHECK(index < statistics_.size());
  statistics_[index].signalled.Add();
  RaiseInterrupt(mmio::kUsedBuffer);
}

void MmioTransport::SignalConfig() {
  ++config_generation_;
  RaiseInterrupt(mmio::kConfigChange);
}

void MmioTransport::NotifyAgain(uint16_t index) {
  VMTEST_CHECK(index < queue_events_.size());
  queue_events_[index].Signal();
}

void MmioTransport::Fail(std::string_view why) {
  if (needs_reset_.exchange(true)) {
    return;
  }
  if (log_) {
    log_(fmt::format("virtio device of type {} needs a reset: {}", static_cast<uint32_t>(type_),
                     why));
  }
  // 2.1.2: the driver hears of it only once it is running.
  if ((status_ & mmio::kDriverOk) != 0) {
    RaiseInterrupt(mmio::kConfigChange);
  }
}

void MmioTransport::Pause() {
  loop_.RunSync([&] {
    paused_ = true;
    device_.Pause();
  });
}

void MmioTransport::Resume() {
  loop_.RunSync([&] {
    paused_ = false;
    device_.Resume();
    // An edge that was on its way when the machine was saved is not in the snapshot. One too many
    // does no harm.
    if (interrupt_status_ != 0) {
      irq_.Signal();
    }
  });
}

void MmioTransport::Save(StateWriter& writer) {
  const std::lock_guard lock(mutex_);
  loop_.RunSync([&] {
    writer.U8(kStateVersion);
    writer.U32(static_cast<uint32_t>(type_));
    writer.U32(status_);
    writer.Bool(needs_reset_);
    writer.U32(interrupt_status_);
    writer.U32(config_generation_);
    writer.U32(device_features_sel_);
    writer.U32(driver_features_sel_);
    writer.U32(queue_sel_);
    writer.U64(driver_features_);
    writer.Bool(active_);
    writer.U16(queue_count());
    for (size_t i = 0; i < queues_.size(); ++i) {
      writer.U32(registers_[i].size);
      writer.Bool(registers_[i].ready);
      writer.U64(registers_[i].descriptors);
      writer.U64(registers_[i].available);
      writer.U64(registers_[i].used);
      queues_[i].Save(writer);
    }
    device_.Save(writer);
  });
}

Result<> MmioTransport::Load(StateReader& reader) {
  const std::lock_guard lock(mutex_);
  Result<> result;
  loop_.RunSync([&] {
    if (reader.U8() != kStateVersion || reader.U32() != static_cast<uint32_t>(type_)) {
      reader.MarkBad();
    }
    status_ = reader.U32();
    needs_reset_ = reader.Bool();
    interrupt_status_ = reader.U32();
    config_generation_ = reader.U32();
    device_features_sel_ = reader.U32();
    driver_features_sel_ = reader.U32();
    queue_sel_ = reader.U32();
    driver_features_ = reader.U64();
    const bool active = reader.Bool();
    // What was negotiated is what we offer, and an active device has gone through every step of
    // 3.1.1.
    if (((status_ & mmio::kFeaturesOk) != 0 && !FeaturesAcceptable()) ||
        (active && (status_ & kRunning) != kRunning)) {
      reader.MarkBad();
    }
    LoadQueues(reader, active);
    device_.Load(reader);
    if (!reader.ok()) {
      result =
          ::vmtest::Fail(ErrorCode::kBadImage, "the saved state of a virtio device is damaged");
    } else if (active) {
      result = ActivateDevice();
    }
  });
  return result;
}

void MmioTransport::LoadQueues(StateReader& reader, bool active) {
  if (reader.U16() != queue_count()) {
    reader.MarkBad();
  }
  for (size_t i = 0; i < queues_.size() && reader.ok(); ++i) {
    QueueRegisters& queue = registers_[i];
    queue.size = reader.U32();
    queue.ready = reader.Bool();
    queue.descriptors = reader.U64();
    queue.available = reader.U64();
    queue.used = reader.U64();
    if (active && queue.ready && !EnableQueue(i)) {
      reader.MarkBad();
    }
    queues_[i].Load(reader);  // Enable has set the positions to zero
  }
}

}  // namespace vmtest
