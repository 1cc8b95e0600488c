#include "machine/machine.h"

#include <fmt/format.h>

#include <chrono>

namespace vmtest {
namespace {

// How long a guest that panicked may go on: the kernel runs its panic notifiers before it has
// written the last of its messages to the console (Linux, kernel/panic.c).
constexpr std::chrono::milliseconds kPanicGrace{2000};
// How long the host may take to read the rest of the console.
constexpr std::chrono::milliseconds kConsoleDrain{5000};

int64_t UnixNow() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

tl::unexpected<Error> WrongState(std::string_view what) {
  return Fail(ErrorCode::kWrongState, std::string(what));
}

}  // namespace

Result<std::unique_ptr<Machine>> Machine::Create(EventLoop& loop, GuestConfig config,
                                                 MachineEvents& events) {
  const Kvm kvm = VM_TRY(Kvm::Open());
  const auto ranges = MemoryRanges(config.memory_mib * kMiB);
  Vm vm = VM_TRY(CreateVm(kvm, ranges));
  GuestMemory memory = VM_TRY(GuestMemory::Create(ranges));
  std::unique_ptr<Machine> machine(new Machine(loop, events, std::move(memory), std::move(vm)));
  VM_TRY(machine->Wire(kvm, config));
  return machine;
}

Machine::Machine(EventLoop& loop, MachineEvents& events, GuestMemory memory, Vm vm)
    : loop_(loop),
      events_(events),
      memory_(std::move(memory)),
      vm_(std::move(vm)),
      vcpus_(loop, ports_, mmio_, [this](GuestEnd end) { End(std::move(end)); }) {}

Machine::~Machine() {
  vcpus_.Halt();
  if (board_) {
    // A vCPU thread may be waiting for the console's reader: it must not keep us.
    board_->console().Stop();
  }
}

Result<> Machine::Wire(const Kvm& kvm, GuestConfig& config) {
  VM_TRY(vm_.SetMemory(memory_));
  panic_grace_ = VM_TRY(Timer::Create(loop_, [this] { BeginEnd(Panicked{}); }));
  board_ = VM_TRY(CreateBoard(loop_, kvm, vm_, memory_, ports_, mmio_,
                              {.cpus = config.cpus,
                               .nested = config.nested,
                               .pmu = config.pmu,
                               .sve = config.sve,
                               .console = std::move(config.console),
                               .rtc_base = config.rtc_base.value_or(UnixNow()),
                               .on_end = [this](GuestEnd end) { End(std::move(end)); },
                               .on_panic = [this] { loop_.Post([this] { OnPanic(); }); }}));
  virtio_devices_ = VM_TRY(VirtioDevices::Create(
      loop_, memory_, *this, std::move(config.disks), [this](const std::string& message) {
        loop_.Post([this, message] { events_.OnLog(LogLevel::kWarning, message); });
      }));
  VM_TRY(virtio_devices_->Wire(*board_, vm_, mmio_));
  new_vcpus_ = VM_TRY(board_->Boot(config, virtio_devices_->slots()));
  return {};
}

Result<> Machine::Start() {
  if (state_ != State::kConfigured) {
    return WrongState("the guest was started before");
  }
  state_ = State::kRunning;
  vcpus_.Start(std::exchange(new_vcpus_, {}));
  return {};
}

void Machine::Pause(std::function<void(Result<>)> done) {
  if (state_ != State::kRunning) {
    done(WrongState("only a running guest can be paused"));
    return;
  }
  state_ = State::kPausing;
  on_paused_ = std::move(done);
  vcpus_.Pause([this] {
    if (state_ != State::kPausing) {
      return;  // the guest ended first; on_paused_ has been answered
    }
    virtio_devices_->Pause();
    state_ = State::kPaused;
    std::exchange(on_paused_, nullptr)({});
  });
  board_->console().Pause();
}

Result<> Machine::Resume() {
  if (state_ != State::kPaused) {
    return WrongState("the guest is not paused");
  }
  state_ = State::kRunning;
  board_->console().Resume();
  virtio_devices_->Resume();
  vcpus_.Resume();
  return {};
}

Result<> Machine::Stop() {
  if (state_ == State::kEnding || state_ == State::kEnded) {
    return WrongState("the guest has ended already");
  }
  BeginEnd(Killed{});
  return {};
}

void Machine::End(GuestEnd end) {
  // At once, so that the vCPU which said it executes nothing more; the rest is the loop's business.
  vcpus_.Halt();
  loop_.Post([this, end = std::move(end)]() mutable { BeginEnd(std::move(end)); });
}

void Machine::OnPanic() {
  if (panicked_ || end_) {
    return;
  }
  panicked_ = true;
  panic_grace_->Arm(kPanicGrace);
  events_.OnPanicked();
}

void Machine::BeginEnd(GuestEnd end) {
  if (end_) {
    return;
  }
  const bool from_outside = std::holds_alternative<Killed>(end);
  end_ = panicked_ && !from_outside ? GuestEnd(Panicked{}) : std::move(end);
  panic_grace_->Disarm();
  if (state_ == State::kPaused) {
    board_->console().Resume();
    virtio_devices_->Resume();
  }
  state_ = State::kEnding;
  if (on_paused_) {
    std::exchange(on_paused_, nullptr)(WrongState("the guest ended before it could be paused"));
  }
  vcpus_.Stop([this] { FinishEnd(); });
}

void Machine::FinishEnd() {
  // No vCPU runs any more. What the guest sent last stands in its queues, and the notifications for
  // it are already signalled: the loop serves them before this second task.
  loop_.Post([this] {
    virtio_devices_->Shutdown();
    board_->console().Drain(kConsoleDrain, [this](bool) {
      board_->console().Stop();
      state_ = State::kEnded;
      events_.OnEnded(*end_);
    });
  });
}

void Machine::Connect(uint32_t port, std::function<void(Result<UniqueFd>)> done) {
  if (state_ != State::kRunning) {
    done(WrongState("the guest is not running"));
    return;
  }
  virtio_devices_->vsock().Connect(port, std::move(done));
}

Result<> Machine::Listen(uint32_t port) {
  if (state_ == State::kEnding || state_ == State::kEnded) {
    return WrongState("the guest has ended");
  }
  return virtio_devices_->vsock().Listen(port);
}

Result<> Machine::Unlisten(uint32_t port) {
  virtio_devices_->vsock().Unlisten(port);
  return {};
}

void Machine::OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) {
  events_.OnVsockAccept(port, peer_port, std::move(stream));
}

Statistics Machine::statistics() const {
  Statistics statistics;
  statistics.vcpus = vcpus_.Counts();
  virtio_devices_->CountInto(statistics);
  return statistics;
}

}  // namespace vmtest
