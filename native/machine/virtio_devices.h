// VirtioDevices: a guest's virtio devices, each behind an MMIO transport, wired to KVM.
//
// The vsock and entropy devices live on the machine's loop. Each disk has a loop and a thread of
// its own, because file I/O blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "control/guest_config.h"
#include "control/statistics.h"
#include "event/event_loop.h"
#include "event/loop_thread.h"
#include "kvm/vm.h"
#include "machine/board.h"
#include "memory/guest_memory.h"
#include "virtio/mmio_transport.h"
#include "virtio/vsock/device.h"

namespace vmtest {

class VirtioDevices {
 public:
  // `on_log` is called on any thread. Everything given must outlive this.
  static Result<std::unique_ptr<VirtioDevices>> Create(
      EventLoop& loop, const GuestMemory& memory, VsockHost& host, std::vector<DiskConfig> disks,
      const std::function<void(const std::string&)>& on_log);

  // Ends the disks' threads first: nothing runs on their loops when the devices go.
  ~VirtioDevices();
  VirtioDevices(const VirtioDevices&) = delete;
  VirtioDevices& operator=(const VirtioDevices&) = delete;

  // Gives every device its address and interrupt.
  Result<> Wire(const Board& board, Vm& vm, Bus& mmio);

  const std::vector<VirtioSlot>& slots() const { return slots_; }
  VsockDevice& vsock() { return *vsock_; }

  // While no vCPU runs. Both wait for each device's loop.
  void Pause();
  void Resume();
  // The guest is gone: its streams end, once what it sent has reached the host.
  void Shutdown();

  void CountInto(Statistics& statistics) const;

 private:
  // One device and its way to the guest. Members die in reverse order: the loop last, because the
  // transport and the device have their watches on it.
  struct Unit {
    std::string name;
    std::unique_ptr<LoopThread> thread;  // null: the machine's loop
    std::unique_ptr<VirtioDevice> device;
    std::unique_ptr<MmioTransport> transport;
  };

  VirtioDevices() = default;
  Result<> Add(std::string name, std::unique_ptr<VirtioDevice> device, EventLoop& loop,
               std::unique_ptr<LoopThread> thread, const GuestMemory& memory,
               const std::function<void(const std::string&)>& on_log);

  std::vector<Unit> units_;
  std::vector<VirtioSlot> slots_;
  VsockDevice* vsock_ = nullptr;  // owned by its unit
};

}  // namespace vmtest
