#include "machine/vcpu_set.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "machine/vcpu_exit.h"

namespace vmtest {
namespace {

// The signal only interrupts KVM_RUN; what it is for stands in the mode.
void OnKick(int) {}

int KickSignal() { return SIGRTMIN; }

void Count(std::atomic<uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

VcpuSet::VcpuSet(EventLoop& loop, const Bus& ports, const Bus& memory,
                 std::function<void(GuestEnd)> on_end)
    : loop_(loop), ports_(ports), memory_(memory), on_end_(std::move(on_end)) {
  struct sigaction action{};
  action.sa_handler = OnKick;  // without SA_RESTART: KVM_RUN must return
  ::sigaction(KickSignal(), &action, nullptr);
}

VcpuSet::~VcpuSet() {
  Halt();
  for (const auto& runner : runners_) {
    if (runner->thread.joinable()) {
      runner->thread.join();
    }
  }
}

void VcpuSet::Start(std::vector<Vcpu> vcpus) {
  VMTEST_CHECK(runners_.empty());
  for (Vcpu& vcpu : vcpus) {
    runners_.push_back(std::make_unique<Runner>(std::move(vcpu)));
  }
  for (const auto& runner : runners_) {
    runner->thread = std::thread([this, raw = runner.get()] { RunThread(*raw); });
    ::pthread_setname_np(runner->thread.native_handle(),
                         fmt::format("vcpu{}", runner->vcpu.id()).c_str());
  }
  SetMode(Mode::kRun);
}

void VcpuSet::SetMode(Mode mode) {
  {
    const std::lock_guard lock(mutex_);
    if (mode_ == Mode::kStop) {
      return;  // there is no way back
    }
    mode_ = mode;
    // Threads that have not yet woken up from the last pause will not: they are parked already.
    AnnounceParked();
  }
  changed_.notify_all();
  if (mode == Mode::kRun) {
    return;
  }
  for (const auto& runner : runners_) {
    runner->vcpu.RequestExit();
    if (runner->thread.joinable()) {
      ::pthread_kill(runner->thread.native_handle(), KickSignal());
    }
  }
}

void VcpuSet::Pause(std::function<void()> on_parked) {
  {
    const std::lock_guard lock(mutex_);
    on_parked_ = std::move(on_parked);
  }
  SetMode(Mode::kPause);
}

void VcpuSet::Resume() { SetMode(Mode::kRun); }

void VcpuSet::Halt() { SetMode(Mode::kStop); }

void VcpuSet::Stop(std::function<void()> on_stopped) {
  bool already = false;
  {
    const std::lock_guard lock(mutex_);
    already = stopped_ == runners_.size();
    on_stopped_ = already ? nullptr : on_stopped;
  }
  Halt();
  if (already) {
    loop_.Post(std::move(on_stopped));
  }
}

void VcpuSet::AnnounceParked() {
  if (mode_ == Mode::kPause && parked_ == runners_.size() && on_parked_) {
    loop_.Post(std::exchange(on_parked_, nullptr));
  }
}

bool VcpuSet::Park() {
  std::unique_lock lock(mutex_);
  if (mode_ == Mode::kPause) {
    ++parked_;
    AnnounceParked();
    changed_.wait(lock, [this] { return mode_ != Mode::kPause; });
    --parked_;
  }
  return mode_ == Mode::kRun;
}

void VcpuSet::RunThread(Runner& runner) {
  while (true) {
    runner.vcpu.ClearExitRequest();
    if (mode_ != Mode::kRun) {
      if (!Park()) {
        break;
      }
      continue;
    }
    const auto ran = runner.vcpu.Run();
    if (ran) {
      HandleExit(runner);
    } else if (ran.error().os_error == EINTR) {
      Count(runner.counts.intr);
    } else if (ran.error().os_error != EAGAIN) {  // EAGAIN: a CPU that waits for its start-up IPI
      Halt();
      on_end_(HostError{.error = ran.error()});
    }
  }
  const std::lock_guard lock(mutex_);
  if (++stopped_ == runners_.size() && on_stopped_) {
    loop_.Post(std::exchange(on_stopped_, nullptr));
  }
}

void VcpuSet::HandleExit(Runner& runner) {
  const kvm_run& run = runner.vcpu.run();
  switch (run.exit_reason) {
    case KVM_EXIT_IO:
      Count(runner.counts.io);
      HandleIo(runner);
      return;
    case KVM_EXIT_MMIO:
      Count(runner.counts.mmio);
      HandleMmio(runner);
      return;
    case KVM_EXIT_HLT:
      Count(runner.counts.hlt);
      return;
    case KVM_EXIT_INTR:
      Count(runner.counts.intr);
      return;
    default:
      break;
  }
  Count(runner.counts.other);
  GuestEnd end;
  switch (run.exit_reason) {
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
      return;
    case KVM_EXIT_SHUTDOWN:
      end = TripleFault{};
      break;
    case KVM_EXIT_SYSTEM_EVENT:
      end = DescribeSystemEvent(runner.vcpu);
      break;
    case KVM_EXIT_ARM_NISV:
      end = DescribeUndecodedAccess(runner.vcpu);
      break;
    case KVM_EXIT_INTERNAL_ERROR:
      end = DescribeInternalError(runner.vcpu);
      break;
    case KVM_EXIT_FAIL_ENTRY:
      end = EntryFailure{.hardware_reason = run.fail_entry.hardware_entry_failure_reason};
      break;
    default:
      end = HostError{.error = {.code = ErrorCode::kKvm,
                                .message = fmt::format("KVM left the guest for reason {}, which "
                                                       "this program does not know",
                                                       run.exit_reason)}};
      break;
  }
  Halt();
  on_end_(std::move(end));
}

void VcpuSet::HandleIo(Runner& runner) {
  // `rep outs` and `rep ins` bring many items at once; each is an access of its own.
  const auto& io = runner.vcpu.run().io;
  std::span<uint8_t> items = runner.vcpu.io_data();
  for (; !items.empty(); items = items.subspan(io.size)) {
    if (io.direction == KVM_EXIT_IO_OUT) {
      ports_.Write(io.port, items.first(io.size));
    } else {
      ports_.Read(io.port, items.first(io.size));
    }
  }
}

void VcpuSet::HandleMmio(Runner& runner) {
  const auto& mmio = runner.vcpu.run().mmio;
  if (mmio.is_write != 0) {
    memory_.Write(mmio.phys_addr, runner.vcpu.mmio_data());
  } else {
    memory_.Read(mmio.phys_addr, runner.vcpu.mmio_data());
  }
}

std::vector<ExitCounts> VcpuSet::Counts() const {
  std::vector<ExitCounts> counts;
  for (const auto& runner : runners_) {
    const AtomicCounts& from = runner->counts;
    counts.push_back({.io = from.io,
                      .mmio = from.mmio,
                      .hlt = from.hlt,
                      .intr = from.intr,
                      .other = from.other});
  }
  return counts;
}

}  // namespace vmtest
