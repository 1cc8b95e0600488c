#include "agent/init.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agent/console.h"
#include "agent/fd.h"
#include "agent/mounts.h"
#include "agent/root.h"
#include "agent/users.h"

namespace vmtest::agent {
namespace {

struct MountPoint {
  const char* target;
  const char* type;
  unsigned long flags;
  const char* options;
  bool optional;  // a small kernel may lack it
};

constexpr unsigned long kQuiet = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr MountPoint kMounts[] = {
    {"/proc", "proc", kQuiet, "", false},
    {"/sys", "sysfs", kQuiet, "", false},
    {"/dev", "devtmpfs", MS_NOSUID, "mode=0755", false},
    {"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666", true},
    {"/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true},
    {"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", true},
    {"/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true},
    {"/sys/fs/cgroup", "cgroup2", kQuiet, "", true},
};

// devtmpfs has no symbolic links; shells and scripts count on these.
constexpr const char* kLinks[][2] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

// A directory on another device than its parent is a mount point already: the image, or a kernel
// with CONFIG_DEVTMPFS_MOUNT, did it.
bool IsMounted(const char* path) {
  struct stat own{}, parent{};
  const std::string up = std::string(path) + "/..";
  return ::stat(path, &own) == 0 && ::stat(up.c_str(), &parent) == 0 && own.st_dev != parent.st_dev;
}

void MountAll() {
  for (const MountPoint& point : kMounts) {
    ::mkdir(point.target, 0755);
    if (IsMounted(point.target)) {
      continue;
    }
    if (::mount(point.type, point.target, point.type, point.flags, point.options) != 0 &&
        !point.optional) {
      ConsoleLine("cannot mount %s on %s: %s", point.type, point.target, ::strerror(errno));
    }
  }
  for (const auto& link : kLinks) {
    (void)!::symlink(link[0], link[1]);
  }
}

// The kernel opens /dev/console for PID 1 only if the initramfs has that node.
void OpenConsole() {
  const int fd = ::open("/dev/console", O_RDWR | O_NOCTTY);
  if (fd < 0) {
    return;
  }
  for (int standard = 0; standard <= 2; ++standard) {
    ::dup2(fd, standard);
  }
  if (fd > 2) {
    ::close(fd);
  }
}

void BringLoopbackUp() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    return;  // a kernel without networking
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  ::ioctl(socket.get(), SIOCSIFFLAGS, &request);
}

// The kernel hands words of its command line that it does not know to PID 1, as arguments and as
// environment; commands of a test should not see those.
void SetEnvironment() {
  ::clearenv();
  ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  ::setenv("HOME", "/root", 1);
  ::setenv("USER", "root", 1);
  ::setenv("LOGNAME", "root", 1);
  ::setenv("TERM", "linux", 1);
}

int LoadModule(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return errno;
  }
  // MODULE_INIT_COMPRESSED_FILE (Linux 5.17): the kernel unpacks .ko.xz, .ko.gz and .ko.zst itself.
  constexpr int kCompressed = 4;
  const int flags = path.ends_with(".ko") ? 0 : kCompressed;
  if (::syscall(SYS_finit_module, fd.get(), "", flags) != 0 && errno != EEXIST) {
    return errno;
  }
  return 0;
}

// The root, what of the host is mounted in it, and its init.
void SetUpFileSystems(SystemState* state) {
  const std::string command_line = ReadSmallFile("/proc/cmdline");
  const auto root = ParseRootSpec(command_line, &state->fatal);
  const auto mounts = state->fatal.empty() ? ParseHostMounts(command_line, &state->fatal)
                                           : std::vector<HostMount>();
  if (!state->fatal.empty()) {
    return;
  }
  if (root) {
    state->fatal = EnterRoot(*root);
  }
  if (state->fatal.empty()) {
    state->fatal = MountHostDirectories(mounts);
  }
  if (state->fatal.empty() && root && !root->init.empty()) {
    state->fatal = StartInit(*root);
    state->init = !state->fatal.empty();
  }
}

}  // namespace

std::vector<std::string> ParseModuleList(std::string_view text) {
  std::vector<std::string> paths;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line(text.data(), end == std::string_view::npos ? text.size() : end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (const size_t hash = line.find('#'); hash != std::string_view::npos) {
      line.remove_suffix(line.size() - hash);
    }
    constexpr std::string_view kBlanks = " \t\r";
    const size_t first = line.find_first_not_of(kBlanks);
    if (first != std::string_view::npos) {
      line.remove_suffix(line.size() - line.find_last_not_of(kBlanks) - 1);
      line.remove_prefix(first);
      paths.emplace_back(line);
    }
  }
  return paths;
}

SystemState SetUpSystem() {
  ::setsid();
  ::umask(0);
  (void)!::chdir("/");
  MountAll();
  ::umask(022);
  OpenConsole();
  // Ctrl-Alt-Del becomes a SIGINT to us, which is ignored, in place of a reset at once.
  ::reboot(RB_DISABLE_CAD);
  SetEnvironment();
  constexpr std::string_view kHostName = "vmtest";
  (void)!::sethostname(kHostName.data(), kHostName.size());
  SystemState state;
  for (const std::string& path : ParseModuleList(ReadSmallFile(kModuleList))) {
    const int error = LoadModule(path);
    if (error != 0) {
      state.failed_modules.push_back({path, error});
      ConsoleLine("cannot load the module %s: %s", path.c_str(), ::strerror(error));
    }
  }
  BringLoopbackUp();
  SetUpFileSystems(&state);
  return state;
}

}  // namespace vmtest::agent
