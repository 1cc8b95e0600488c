#include "addon/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace vmtest::addon {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& string : strings) {
    pointers.push_back(string.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

// Owners of the two structures of posix_spawn. Each call below can only fail for want of memory, or
// for values that are constants here; the first failure is kept.
class Actions {
 public:
  Actions() { Keep(::posix_spawn_file_actions_init(&actions_)); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;

  void Duplicate(int from, int to) {
    Keep(::posix_spawn_file_actions_adddup2(&actions_, from, to));
  }
  void OpenNull(int fd) {
    Keep(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0));
  }
  void CloseFrom(int fd) { Keep(::posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
  int error() const { return error_; }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  void Keep(int error) { error_ = error_ != 0 ? error_ : error; }
  posix_spawn_file_actions_t actions_{};
  int error_ = 0;
};

class Attributes {
 public:
  Attributes() {
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    error_ = ::posix_spawnattr_init(&attributes_);
    // Node ignores SIGPIPE and blocks others in its threads; none of it is the child's business.
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  int error() const { return error_; }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
  int error_ = 0;
};

}  // namespace

SystemResult<Spawned> Spawn(const SpawnRequest& request) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) < 0) {
    return FailSystem("socketpair");
  }
  UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  if (::fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0) {
    return FailSystem("fcntl");
  }
  // Above the numbers that the actions below write to.
  theirs.Reset(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kChannelFd + 1));
  if (!theirs) {
    return FailSystem("fcntl");
  }

  Actions actions;
  if (request.error_fd >= 0) {
    actions.Duplicate(request.error_fd, STDERR_FILENO);  // first: it may be 0, 1 or 3
  } else {
    actions.OpenNull(STDERR_FILENO);
  }
  actions.OpenNull(STDIN_FILENO);
  actions.OpenNull(STDOUT_FILENO);
  actions.Duplicate(theirs.get(), kChannelFd);
  actions.CloseFrom(kChannelFd + 1);
  const Attributes attributes;
  if (const int error = actions.error() != 0 ? actions.error() : attributes.error(); error != 0) {
    return FailSystem("posix_spawn", error);
  }

  SpawnRequest copy = request;
  copy.args.insert(copy.args.begin(), copy.file);
  const std::vector<char*> argv = Pointers(copy.args);
  const std::vector<char*> envp = Pointers(copy.env);
  pid_t pid = -1;
  if (const int error = ::posix_spawn(&pid, copy.file.c_str(), actions.get(), attributes.get(),
                                      argv.data(), envp.data());
      error != 0) {
    return FailSystem("posix_spawn", error);
  }
  // Nobody but us reaps it, so the number is still this child's.
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    const auto failure = FailSystem("pidfd_open");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return failure;
  }
  return Spawned{.pid = pid, .process = std::move(process), .channel = std::move(ours)};
}

ProcessExit Reap(int pidfd) {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED);
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    return {};  // somebody else in this process reaped it
  }
  return info.si_code == CLD_EXITED ? ProcessExit{.code = info.si_status}
                                    : ProcessExit{.signal = info.si_status};
}

}  // namespace vmtest::addon
