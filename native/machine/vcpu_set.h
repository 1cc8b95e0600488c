// VcpuSet: the threads that run a guest's vCPUs, and what takes them out of the guest again.
//
//   Start ──> running ──Pause──> parked ──Resume──> running ──Stop──> stopped
//
// A vCPU thread handles the exits of its vCPU: it calls port and memory devices on the buses, and
// reports what ends the guest. Everything else is asked of it from outside: the mode is changed,
// then every thread is kicked (KVM's immediate_exit, then a signal) and looks at the mode before it
// enters the guest again. No kick is lost: the mode is stored before immediate_exit is set, and a
// thread clears immediate_exit before it reads the mode.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bus/bus.h"
#include "control/guest_end.h"
#include "control/statistics.h"
#include "event/event_loop.h"
#include "kvm/vcpu.h"

namespace vmtest {

class VcpuSet {
 public:
  // `on_end` is called on a vCPU thread, maybe by several at once. The buses and the loop must
  // outlive this. Installs a do-nothing handler for SIGRTMIN, which is what kicks.
  VcpuSet(EventLoop& loop, const Bus& ports, const Bus& memory,
          std::function<void(GuestEnd)> on_end);
  // Stops and waits for every thread. The loop must not be waited for by a device any more.
  ~VcpuSet();
  VcpuSet(const VcpuSet&) = delete;
  VcpuSet& operator=(const VcpuSet&) = delete;

  // One thread each; they enter the guest at once.
  void Start(std::vector<Vcpu> vcpus);

  // Calls `on_parked` on the loop when no vCPU is in the guest. A Stop meanwhile drops it.
  void Pause(std::function<void()> on_parked);
  void Resume();

  // No thread enters the guest after this; does not wait. Any thread.
  void Halt();
  // Halts, and calls `on_stopped` on the loop when every thread has left its vCPU for good.
  void Stop(std::function<void()> on_stopped);

  std::vector<ExitCounts> Counts() const;

 private:
  enum class Mode { kRun, kPause, kStop };

  // Counters of one vCPU: written by its thread, read by any.
  struct AtomicCounts {
    std::atomic<uint64_t> io = 0;
    std::atomic<uint64_t> mmio = 0;
    std::atomic<uint64_t> hlt = 0;
    std::atomic<uint64_t> intr = 0;
    std::atomic<uint64_t> other = 0;
  };
  struct Runner {
    explicit Runner(Vcpu v) : vcpu(std::move(v)) {}
    Vcpu vcpu;
    AtomicCounts counts;
    std::thread thread;
  };

  void SetMode(Mode mode);
  void RunThread(Runner& runner);
  // With the mutex held: tells whoever paused once every thread stands still.
  void AnnounceParked();
  bool Park();
  void HandleExit(Runner& runner);
  void HandleIo(Runner& runner);
  void HandleMmio(Runner& runner);

  EventLoop& loop_;
  const Bus& ports_;
  const Bus& memory_;
  const std::function<void(GuestEnd)> on_end_;
  std::vector<std::unique_ptr<Runner>> runners_;  // fixed by Start

  // Changed under mutex_. The threads are born parked, so that none runs before all exist.
  std::atomic<Mode> mode_ = Mode::kPause;
  std::mutex mutex_;  // guards what follows; nothing is called while it is held
  std::condition_variable changed_;
  size_t parked_ = 0;
  size_t stopped_ = 0;
  std::function<void()> on_parked_;
  std::function<void()> on_stopped_;
};

}  // namespace vmtest
