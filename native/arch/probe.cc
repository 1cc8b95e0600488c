#include "arch/probe.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "arch/probe_guest.h"

namespace vmtest {
namespace {

void IgnoreSignal(int) {}

constexpr std::string_view kNoHardwareHint =
    "use a host with hardware virtualization, or with nested virtualization switched on";

ProbeResult Broken(const Error& error) {
  return {.status = ProbeStatus::kBroken,
          .message = error.message,
          .hint = "see the host's kernel log (dmesg) for what KVM said"};
}

ProbeResult FromOpenError(const std::string& path, const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {.status = ProbeStatus::kAbsent,
              .message = fmt::format("there is no {}", path),
              .hint =
                  "load kvm-amd or kvm-intel; in a container, pass --device /dev/kvm; in a VM, "
                  "switch nested virtualization on"};
    case ErrorCode::kPermission:
      return {.status = ProbeStatus::kDenied,
              .message = fmt::format("no permission on {}", path),
              .hint = "add your user to the group 'kvm' (then log in again), or ask for access"};
    case ErrorCode::kUnsupported:
      return {.status = ProbeStatus::kUnsupported,
              .message = error.message,
              .hint = "a Linux host of version 4.12 or newer is needed"};
    default:
      return Broken(error);
  }
}

// Runs the payload on a thread of its own, which a signal takes out of the guest at the deadline.
Result<> RunWithDeadline(Vcpu& vcpu, std::chrono::milliseconds deadline) {
  struct sigaction action{};
  action.sa_handler = IgnoreSignal;  // without SA_RESTART: KVM_RUN returns EINTR
  ::sigaction(SIGUSR1, &action, nullptr);

  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  Result<> result;
  std::thread runner([&] {
    Result<> ran = vcpu.Run();
    const std::lock_guard lock(mutex);
    result = std::move(ran);
    done = true;
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  if (!changed.wait_for(lock, deadline, [&] { return done; })) {
    vcpu.RequestExit();
    ::pthread_kill(runner.native_handle(), SIGUSR1);
  }
  lock.unlock();
  runner.join();
  return result;
}

}  // namespace

std::string_view ProbeStatusName(ProbeStatus status) {
  switch (status) {
    case ProbeStatus::kUsable:
      return "usable";
    case ProbeStatus::kAbsent:
      return "absent";
    case ProbeStatus::kDenied:
      return "denied";
    case ProbeStatus::kUnsupported:
      return "unsupported";
    case ProbeStatus::kInterpreted:
      return "interpreted";
    case ProbeStatus::kBroken:
      return "broken";
  }
  return "broken";
}

ProbeResult ProbeKvm(const std::string& path, std::chrono::milliseconds deadline) {
  const auto kvm = Kvm::Open(path);
  if (!kvm) {
    return FromOpenError(path, kvm.error());
  }
  auto guest = PrepareProbe(*kvm);
  if (!guest) {
    return Broken(guest.error());
  }
  Vcpu& vcpu = guest->vcpu;
  const auto ran = RunWithDeadline(vcpu, deadline);
  if (!ran && ran.error().os_error == EINTR) {
    return {.status = ProbeStatus::kInterpreted,
            .message = fmt::format("{} did not run a few 64-bit instructions within {} ms", path,
                                   deadline.count()),
            .hint = std::string(kNoHardwareHint)};
  }
  if (!ran) {
    return Broken(ran.error());
  }
  if (HasAnswered(vcpu)) {
    return {.status = ProbeStatus::kUsable,
            .message = fmt::format("{} runs 64-bit code with {}", path, kProbedInstructions),
            .hint = ""};
  }
  return {.status = ProbeStatus::kInterpreted,
          .message = fmt::format("{} opens, but only interprets guest code and cannot run a modern "
                                 "kernel (exit reason {})",
                                 path, vcpu.run().exit_reason),
          .hint = std::string(kNoHardwareHint)};
}

}  // namespace vmtest
