#include "machine/virtio_devices.h"

#include <fmt/format.h>

#include <optional>

#include "virtio/blk/blk_device.h"
#include "virtio/blk/overlay_disk.h"
#include "virtio/blk/raw_disk.h"
#include "virtio/mmio_registers.h"
#include "virtio/rng/rng_device.h"

namespace vmtest {
namespace {

Result<std::unique_ptr<DiskBackend>> OpenDisk(DiskConfig& config) {
  if (config.mode == DiskMode::kOverlay) {
    return VM_TRY(OverlayDisk::Open(std::move(config.file), std::move(config.overlay)));
  }
  return VM_TRY(RawDisk::Open(std::move(config.file), config.mode == DiskMode::kReadOnly));
}

}  // namespace

Result<std::unique_ptr<VirtioDevices>> VirtioDevices::Create(
    EventLoop& loop, const GuestMemory& memory, VsockHost& host, std::vector<DiskConfig> disks,
    const std::function<void(const std::string&)>& on_log) {
  std::unique_ptr<VirtioDevices> self(new VirtioDevices());
  // The guest's way to talk to us comes first: its driver then probes it first.
  auto vsock = VM_TRY(VsockDevice::Create(loop, host));
  self->vsock_ = vsock.get();
  VM_TRY(self->Add("vsock", std::move(vsock), loop, nullptr, memory, on_log));
  VM_TRY(self->Add("rng", std::make_unique<RngDevice>(), loop, nullptr, memory, on_log));
  for (size_t i = 0; i < disks.size(); ++i) {
    const std::string name = fmt::format("blk{}", i);
    auto disk = VM_TRY(About(fmt::format("disks[{}]", i), OpenDisk(disks[i])));
    auto device = std::make_unique<BlkDevice>(
        std::move(disk), disks[i].serial,
        [on_log, name](const std::string& message) { on_log(name + ": " + message); });
    auto thread = VM_TRY(LoopThread::Start(name));
    EventLoop& disk_loop = thread->loop();
    VM_TRY(self->Add(name, std::move(device), disk_loop, std::move(thread), memory, on_log));
  }
  return self;
}

Result<> VirtioDevices::Add(std::string name, std::unique_ptr<VirtioDevice> device, EventLoop& loop,
                            std::unique_ptr<LoopThread> thread, const GuestMemory& memory,
                            const std::function<void(const std::string&)>& on_log) {
  EventFd irq = VM_TRY(EventFd::Create());
  Unit unit{.name = std::move(name), .thread = std::move(thread), .device = std::move(device)};
  std::optional<Result<std::unique_ptr<MmioTransport>>> transport;
  // A transport registers its queues with the loop, and so is made on the loop's thread.
  loop.RunSync([&] {
    transport.emplace(MmioTransport::Create(
        *unit.device, loop, memory, std::move(irq),
        [on_log, of = unit.name](const std::string& why) { on_log(of + ": " + why); }));
  });
  unit.transport = VM_TRY(*std::move(transport));
  units_.push_back(std::move(unit));
  return {};
}

VirtioDevices::~VirtioDevices() {
  for (const Unit& unit : units_) {
    if (unit.thread) {
      unit.thread->Stop();
    }
  }
}

Result<> VirtioDevices::Wire(const Board& board, Vm& vm, Bus& mmio) {
  for (size_t i = 0; i < units_.size(); ++i) {
    const Unit& unit = units_[i];
    const VirtioSlot slot = VM_TRY(board.PlaceVirtio(i));
    VM_TRY(mmio.Add(slot.address, slot.size, *unit.transport, unit.name));
    VM_TRY(vm.AttachIrq(unit.transport->irq_event(), slot.gsi));
    for (uint16_t queue = 0; queue < unit.transport->queue_count(); ++queue) {
      VM_TRY(vm.AttachNotify(unit.transport->queue_event(queue), slot.address + mmio::kQueueNotify,
                             queue));
    }
    slots_.push_back(slot);
  }
  return {};
}

void VirtioDevices::Pause() {
  for (const Unit& unit : units_) {
    unit.transport->Pause();
  }
}

void VirtioDevices::Resume() {
  for (const Unit& unit : units_) {
    unit.transport->Resume();
  }
}

void VirtioDevices::Shutdown() { vsock_->Reset(); }

void VirtioDevices::CountInto(Statistics& statistics) const {
  for (const Unit& unit : units_) {
    const auto counters = unit.transport->counters();
    for (size_t queue = 0; queue < counters.size(); ++queue) {
      statistics.queues[fmt::format("{}.{}", unit.name, queue)] = {
          .popped = counters[queue].popped,
          .pushed = counters[queue].pushed,
          .notified = counters[queue].notified,
          .signalled = counters[queue].signalled};
    }
  }
  const VsockStatistics vsock = vsock_->statistics();
  statistics.vsock = {.connections = vsock.connections,
                      .rx_bytes = vsock.rx_bytes,
                      .tx_bytes = vsock.tx_bytes,
                      .resets = vsock.resets};
}

}  // namespace vmtest
