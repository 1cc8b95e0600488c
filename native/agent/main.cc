// vmtest-agent: serves one guest to its host (docs/agent-protocol.md).
//
// As PID 1 it first makes a system of the initramfs; otherwise it is an ordinary service. On a
// host, for tests, --unix-listen and --unix-dial put Unix sockets in the place of vsock.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agent/codec.h"
#include "agent/connection.h"
#include "agent/console.h"
#include "agent/init.h"
#include "agent/power.h"
#include "agent/server.h"
#include "agent/session.h"
#include "agent/workload.h"

namespace vmtest::agent {
namespace {

struct Options {
  const char* listen = nullptr;  // null: vsock
  const char* dial = nullptr;
};

struct HelloContext {
  bool init = false;
  std::vector<FailedModule> failed_modules;
};

std::string Hello(void* pointer) {
  const auto& context = *static_cast<HelloContext*>(pointer);
  utsname system{};
  ::uname(&system);
  timespec up{};
  ::clock_gettime(CLOCK_BOOTTIME, &up);
  std::string frame;
  FrameWriter writer(&frame, FrameType::kHello);
  writer.U32(kProtocolVersion)
      .String(kAgentVersion)
      .String(system.release)
      .String(system.machine)
      .U64(static_cast<uint64_t>(up.tv_sec) * 1'000'000 + static_cast<uint64_t>(up.tv_nsec) / 1000)
      .U8(context.init ? 1 : 0)
      .U32(static_cast<uint32_t>(context.failed_modules.size()));
  for (const FailedModule& module : context.failed_modules) {
    writer.String(module.path).U32(static_cast<uint32_t>(module.os_error));
  }
  return frame;
}

int Usage() {
  constexpr std::string_view kText =
      "usage: vmtest-agent [--unix-listen PATH --unix-dial PATH]\n"
      "       vmtest-agent --measure    nanoseconds of the workload that guests are compared by\n"
      "       vmtest-agent --version\n"
      "Serves vsock port 1024 and dials the host, or the two Unix sockets, for tests.\n";
  (void)!::write(2, kText.data(), kText.size());
  return 2;
}

// 0, 1 and 2 are open from here on, so that no other descriptor ever gets these numbers.
void OpenStandardDescriptors() {
  // What the starter left open is none of ours and must not reach the commands. Before Linux 5.9
  // there is no such call, and PID 1, which matters most, inherits nothing.
  ::syscall(SYS_close_range, 3, ~0U, 0);
  int fd = 0;
  do {
    fd = ::open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= 2);
  if (fd > 2) {
    ::close(fd);
  }
}

// The agent needs up to six descriptors for a command; commands get what was there before.
void RaiseFileLimit(rlimit* before) {
  constexpr rlim_t kWanted = 65'536;
  ::getrlimit(RLIMIT_NOFILE, before);
  rlimit raised{kWanted, before->rlim_max > kWanted ? before->rlim_max : kWanted};
  if (before->rlim_max == RLIM_INFINITY) {
    raised.rlim_max = RLIM_INFINITY;
  }
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
    raised = {before->rlim_max, before->rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &raised);
  }
}

// A test that fills the memory must not take the agent down with it. PID 1 is never chosen
// (mm/oom_kill.c, oom_unkillable_task). True when the children have to undo it.
bool AvoidOomKiller() {
  if (::getpid() == 1) {
    return false;
  }
  if (const Fd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)); fd) {
    return ::write(fd.get(), "-1000", 5) == 5;
  }
  return false;
}

// A batch task does not preempt what wakes it (sched(7)): while a command writes and ends, the
// agent is not switched to for each step, and handles them all in one turn.
void ScheduleInBatches() {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
}

Fd OpenSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    ::sigaddset(&signals, signal);
  }
  // What the starter ignored, the commands would too.
  ResetSignals();
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

Fd Listen(const Address& address) {
  Fd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket && address.storage.ss_family == AF_VSOCK) {
    EnlargeVsockBuffer(socket);
  }
  if (!socket ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) !=
          0 ||
      ::listen(socket.get(), 128) != 0) {
    return Fd();
  }
  return socket;
}

// As PID 1 nobody would ever see the agent return: the machine ends.
int GiveUp(bool init, const char* what, const char* why) {
  ConsoleLine("%s: %s%s", what, why,
              init ? "; without it the host cannot reach this guest, powering off" : "");
  if (init) {
    EndMachine(PowerAction::kPowerOff);
    EndMachine(PowerAction::kReboot);
  }
  return 1;
}

// The signals by which busybox' halt, poweroff and reboot speak to PID 1.
void HandleInitSignal(int signal) {
  if (signal == SIGUSR1) {
    EndMachine(PowerAction::kHalt);
  } else if (signal == SIGUSR2) {
    EndMachine(PowerAction::kPowerOff);
  } else if (signal == SIGTERM) {
    EndMachine(PowerAction::kReboot);
  }
}

int GiveUp(bool init, const char* what, int os_error) {
  return GiveUp(init, what, ::strerror(os_error));
}

int Run(const Options& options) {
  HelloContext context;
  context.init = ::getpid() == 1;
  OpenStandardDescriptors();
  if (context.init) {
    SystemState state = SetUpSystem();
    OpenStandardDescriptors();
    if (!state.fatal.empty()) {
      return GiveUp(true, "the file systems", state.fatal.c_str());
    }
    context.init = state.init;
    context.failed_modules = std::move(state.failed_modules);
  }
  ChildDefaults defaults;
  RaiseFileLimit(&defaults.open_files);
  defaults.oom_protected = AvoidOomKiller();
  ScheduleInBatches();
  ::umask(022);
  (void)!::chdir("/");

  Address own = VsockOwnAddress();
  Address host = VsockHostAddress();
  if (options.listen != nullptr &&
      (!UnixAddress(options.listen, &own) || !UnixAddress(options.dial, &host))) {
    return GiveUp(context.init, "a socket path", ENAMETOOLONG);
  }
  Fd signals = OpenSignals();
  Loop loop;
  if (!signals || !loop.Open()) {
    return GiveUp(context.init, "no signalfd or epoll", errno);
  }
  Fd listener = Listen(own);
  if (!listener) {
    return GiveUp(context.init,
                  options.listen != nullptr ? "cannot listen on the Unix socket"
                                            : "cannot listen on vsock port 1024",
                  errno);
  }
  Server server(&loop, defaults);
  server.Serve(std::move(listener), std::move(signals));
  Session session(&loop, host, Hello, &context);
  session.Dial();
  while (true) {
    server.RunOnce(&session);
    if (session.hopeless()) {
      return GiveUp(context.init, "no vsock device", ENODEV);
    }
    const int signal = server.TakeSignal();
    if (context.init) {
      HandleInitSignal(signal);
    } else if (signal == SIGTERM || signal == SIGINT) {
      // The destructors kill what still runs.
      return 0;
    }
  }
}

}  // namespace
}  // namespace vmtest::agent

int main(int argc, char** argv) {
  vmtest::agent::Options options;
  // The kernel gives PID 1 every word of its command line that it does not know.
  const bool strict = ::getpid() != 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument == "--version") {
      ::printf("vmtest-agent %s\n", vmtest::agent::kAgentVersion.data());
      return 0;
    }
    if (argument == "--measure") {
      ::printf("%llu\n", static_cast<unsigned long long>(vmtest::agent::TimeWorkload()));
      return 0;
    }
    const bool has_value = i + 1 < argc;
    if (argument == "--unix-listen" && has_value) {
      options.listen = argv[++i];
    } else if (argument == "--unix-dial" && has_value) {
      options.dial = argv[++i];
    } else if (strict) {
      return vmtest::agent::Usage();
    }
  }
  if ((options.listen == nullptr) != (options.dial == nullptr)) {
    return vmtest::agent::Usage();
  }
  return vmtest::agent::Run(options);
}
