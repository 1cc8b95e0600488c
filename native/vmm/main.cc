// vmtest-vmm: one guest, or one device of a guest of QEMU's, driven over fd 3. See
// docs/control-protocol.md.
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "arch/probe.h"
#include "arch/tsc.h"
#include "base/unique_fd.h"
#include "vmm/controller.h"
#include "vmm/version.h"
#include "vmm/vsock_backend.h"

namespace vmtest {
namespace {

constexpr int kControlFd = 3;
constexpr int kExitUsage = 2;
constexpr int kExitFailed = 1;

constexpr std::string_view kUsage =
    "usage: vmtest-vmm                     serve one guest over fd 3 (started by vmtest)\n"
    "       vmtest-vmm --vhost-user-vsock  serve the vsock device of a guest of QEMU's over fd 3\n"
    "       vmtest-vmm --probe-kvm [PATH]  can this machine's KVM run a kernel? one JSON line\n"
    "       vmtest-vmm --tsc-khz           the rate of this machine's time stamp counter, in kHz\n"
    "       vmtest-vmm --probe-memfd       may files be made in memory? \"works\" or \"refused\"\n"
    "       vmtest-vmm --version\n";

int Probe(const std::string& path) {
  const auto result = ProbeKvm(path, std::chrono::seconds(5));
  const nlohmann::json line = {{"status", ProbeStatusName(result.status)},
                               {"message", result.message},
                               {"hint", result.hint}};
  fmt::print("{}\n", line.dump());
  return result.status == ProbeStatus::kUsable ? 0 : kExitFailed;
}

int PrintTscKhz() {
  const auto khz = MeasureTscKhz();
  if (!khz) {
    fmt::print(stderr, "vmtest-vmm: the time stamp counter does not advance steadily\n");
    return kExitFailed;
  }
  fmt::print("{}\n", *khz);
  return 0;
}

// The memory of guests under QEMU is such a file. A sandbox's filter of system calls may know
// nothing of them.
int ProbeMemfd() {
  const UniqueFd fd(::memfd_create("vmtest-probe", MFD_CLOEXEC));
  const bool works = fd.valid() && ::ftruncate(fd.get(), 1) == 0;
  fmt::print("{}\n", works ? "works" : "refused");
  return works ? 0 : kExitFailed;
}

// The soft limit on descriptors is often 1024, for programs that use select(). We do not, and each
// vsock connection takes one.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // without it connections are refused earlier
  }
}

// The default of 8 MiB costs nothing until the kernel backs it with huge pages: 2 MiB per vCPU.
void LimitThreadStacks() {
  constexpr size_t kStack = size_t{512} * 1024;
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) == 0) {
    ::pthread_attr_setstacksize(&attributes, kStack);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
  }
}

// `T` is what answers on the control channel.
template <typename T>
int Serve() {
  // The channel's end already ends us; this also covers a parent that dies while we are busy. A
  // parent that died before this line has closed the channel.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  LimitThreadStacks();

  auto loop = EventLoop::Create();
  if (!loop) {
    fmt::print(stderr, "vmtest-vmm: {}\n", loop.error().message);
    return kExitFailed;
  }
  auto controller = T::Create(**loop, UniqueFd(kControlFd));
  if (!controller) {
    fmt::print(stderr,
               "vmtest-vmm: {}; fd 3 must be a SOCK_SEQPACKET socket: this program is started by "
               "vmtest\n",
               controller.error().message);
    return kExitUsage;
  }
  (*loop)->Run();
  return 0;
}

}  // namespace
}  // namespace vmtest

int main(int argc, char** argv) {
  if (argc == 1) {
    return vmtest::Serve<vmtest::Controller>();
  }
  const std::string_view option = argv[1];
  if (option == "--vhost-user-vsock" && argc == 2) {
    return vmtest::Serve<vmtest::VsockBackend>();
  }
  if (option == "--probe-kvm" && argc <= 3) {
    return vmtest::Probe(argc == 3 ? argv[2] : "/dev/kvm");
  }
  if (option == "--tsc-khz" && argc == 2) {
    return vmtest::PrintTscKhz();
  }
  if (option == "--probe-memfd" && argc == 2) {
    return vmtest::ProbeMemfd();
  }
  if (option == "--version" && argc == 2) {
    fmt::print("vmtest-vmm {} {}\n", vmtest::kVersion, vmtest::kArch);
    return 0;
  }
  if (option == "--help" && argc == 2) {
    fmt::print("{}", vmtest::kUsage);
    return 0;
  }
  fmt::print(stderr, "vmtest-vmm: unknown arguments\n{}", vmtest::kUsage);
  return vmtest::kExitUsage;
}
