// Machine: one guest, from a checked config to a typed end. Never prints, never exits.
//
//   Create ──> configured ──Start──> running <──Pause/Resume──> paused
//                                       │ the guest ends, or Stop
//                                       v
//                                    ending (vCPUs leave, console and streams are drained) ──>
//                                    ended
//
// Everything here is called on the machine's loop, and its events come there. vCPU threads reach it
// only through the devices.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "control/guest_config.h"
#include "control/guest_end.h"
#include "control/replies.h"
#include "control/statistics.h"
#include "event/event_loop.h"
#include "event/timer.h"
#include "kvm/vm.h"
#include "machine/board.h"
#include "machine/vcpu_set.h"
#include "machine/virtio_devices.h"
#include "memory/guest_memory.h"

namespace vmtest {

// What a machine reports, on its loop's thread.
class MachineEvents {
 public:
  virtual ~MachineEvents() = default;
  // The guest connected to a port that is listened on.
  virtual void OnVsockAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) = 0;
  // The guest's kernel panicked; the end follows.
  virtual void OnPanicked() = 0;
  virtual void OnLog(LogLevel level, std::string_view message) = 0;
  // The last word on the guest. Once.
  virtual void OnEnded(const GuestEnd& end) = 0;
};

class Machine : private VsockHost {
 public:
  enum class State { kConfigured, kRunning, kPausing, kPaused, kEnding, kEnded };

  // Takes memory, loads the kernel, makes the devices. `loop` and `events` must outlive the
  // machine.
  static Result<std::unique_ptr<Machine>> Create(EventLoop& loop, GuestConfig config,
                                                 MachineEvents& events);
  ~Machine() override;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  State state() const { return state_; }

  // Each answers kWrongState when the state forbids it.
  Result<> Start();
  // Calls `done` when every vCPU and device stands still, or with kWrongState when the guest ended
  // before that.
  void Pause(std::function<void(Result<>)> done);
  Result<> Resume();
  // The guest ends as Killed.
  Result<> Stop();

  void Connect(uint32_t port, std::function<void(Result<UniqueFd>)> done);
  Result<> Listen(uint32_t port);
  Result<> Unlisten(uint32_t port);

  Statistics statistics() const;

 private:
  Machine(EventLoop& loop, MachineEvents& events, GuestMemory memory, Vm vm);

  Result<> Wire(const Kvm& kvm, GuestConfig& config);
  void OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) override;
  // The guest said, on a vCPU thread, that it is over.
  void End(GuestEnd end);
  void OnPanic();
  // On the loop: the first reason wins, but a panic explains the reset that follows it.
  void BeginEnd(GuestEnd end);
  void FinishEnd();

  EventLoop& loop_;
  MachineEvents& events_;
  State state_ = State::kConfigured;
  std::optional<GuestEnd> end_;
  bool panicked_ = false;
  std::function<void(Result<>)> on_paused_;

  // In the order in which they are made; each may use what stands above it.
  GuestMemory memory_;
  Vm vm_;
  Bus ports_;
  Bus mmio_;
  std::optional<Timer> panic_grace_;
  std::unique_ptr<Board> board_;
  std::unique_ptr<VirtioDevices> virtio_devices_;
  std::vector<Vcpu> new_vcpus_;  // until Start
  VcpuSet vcpus_;
};

}  // namespace vmtest
