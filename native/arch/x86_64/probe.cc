#include "arch/x86_64/probe.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/entry_state.h"
#include "arch/x86_64/layout.h"
#include "kvm/vm.h"

namespace vmtest::x86 {
namespace {

constexpr EntryTables kTables{.gdt = 0x500, .page_tables = 0x9000, .stack_top = 0x8ff0};
constexpr GuestAddress kCode = 0x10000;
constexpr uint16_t kAnswerPort = 0xf4;
constexpr uint8_t kAnswer = 42;

// 64-bit code, entered in long mode with memory mapped to itself. It doubles 21 with SSE2,
// then exchanges 16 zero bytes with `lock cmpxchg16b` (which Debian kernels use in their
// allocator), and writes the 42 to the port only if both did what they should.
constexpr std::array<uint8_t, 57> kPayload = {
    0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x06, 0x00, 0x00,
    0x0f, 0x22, 0xe0,                                // set OSFXSR, OSXMMEXCPT in cr4
    0xb8, 0x15, 0x00, 0x00, 0x00,                    // mov eax, 21
    0x66, 0x0f, 0x6e, 0xc0,                          // movd xmm0, eax
    0x66, 0x0f, 0xfe, 0xc0,                          // paddd xmm0, xmm0
    0x66, 0x0f, 0x7e, 0xc1,                          // movd ecx, xmm0
    0x89, 0xce,                                      // mov esi, ecx
    0x31, 0xc0, 0x31, 0xd2, 0x31, 0xdb, 0x31, 0xc9,  // xor eax/edx/ebx/ecx
    0xbf, 0x00, 0x10, 0x01, 0x00,                    // mov edi, 0x11000: 16-byte aligned, zero
    0xf0, 0x48, 0x0f, 0xc7, 0x0f,                    // lock cmpxchg16b [rdi]
    0x75, 0x05,                                      // jnz to the hlt
    0x89, 0xf0,                                      // mov eax, esi
    0xe6, 0xf4,                                      // out 0xf4, al
    0xf4,                                            // hlt
    0xf4, 0xf4,
};

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

// The vCPU and its memory, ready to run the payload.
struct Machine {
  GuestMemory memory;
  Vm vm;
  Vcpu vcpu;
};

Result<Machine> Prepare(const Kvm& kvm) {
  const GuestMemory::Range range{.start = 0, .size = 2 * kMiB};
  GuestMemory memory = VM_TRY(GuestMemory::Create({&range, 1}));
  if (!WriteEntryTables(memory, kTables) || !memory.WriteBytes(kCode, kPayload)) {
    return Fail(ErrorCode::kDoesNotFit, "the probe's payload does not fit in its memory");
  }
  Vm vm = VM_TRY(Vm::Create(kvm));
  VM_TRY(vm.SetMemory(memory));
  VM_TRY(vm.ReserveX86Pages(kTssAddress, kIdentityMapAddress));
  Vcpu vcpu = VM_TRY(vm.CreateVcpu(0));
  const auto host = VM_TRY(kvm.SupportedCpuid());
  VM_TRY(SetCpuid(
      vcpu, GuestCpuid(host, {.vcpu = 0, .cpus = 1, .nested = false, .tsc_deadline = false})));
  const kvm_sregs reset = VM_TRY(vcpu.GetSregs());
  VM_TRY(SetCpuState(vcpu, LinuxEntryState(reset, kTables, kCode, 0)));
  return Machine{.memory = std::move(memory), .vm = std::move(vm), .vcpu = std::move(vcpu)};
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
  auto machine = Prepare(*kvm);
  if (!machine) {
    return Broken(machine.error());
  }
  Vcpu& vcpu = machine->vcpu;
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
  const kvm_run& run = vcpu.run();
  if (run.exit_reason == KVM_EXIT_IO && run.io.port == kAnswerPort &&
      vcpu.io_data()[0] == kAnswer) {
    return {.status = ProbeStatus::kUsable,
            .message = fmt::format("{} runs 64-bit code with SSE2 and cmpxchg16b", path),
            .hint = ""};
  }
  return {.status = ProbeStatus::kInterpreted,
          .message = fmt::format("{} opens, but only interprets guest code and cannot run a modern "
                                 "kernel (exit reason {})",
                                 path, run.exit_reason),
          .hint = std::string(kNoHardwareHint)};
}

}  // namespace vmtest::x86
