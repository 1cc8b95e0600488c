#include "agent/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "agent/users.h"

namespace vmtest::agent {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

bool OpenPipe(Pipe* pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return false;
  }
  pipe->read.Reset(ends[0]);
  pipe->write.Reset(ends[1]);
  return true;
}

// The command's ends stay blocking: each end of a pipe has its own flags.
bool MakeNonBlocking(const Fd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  return flags >= 0 && ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) == 0;
}

// What the child needs, prepared before the fork.
struct Plan {
  std::vector<char*> argv;
  std::vector<std::string> environment;
  std::vector<char*> envp;
  const char* cwd = "/";
  const char* path = "";
  std::optional<Credentials> user;
  int input = -1;
  int output = -1;
  int error = -1;
  bool terminal = false;
  int failure = -1;
  ChildDefaults defaults{};
};

std::string_view NameOf(std::string_view pair) {
  return std::string_view(pair.data(), pair.find('=') + 1);
}

void SetVariable(std::vector<std::string>* environment, std::string_view pair) {
  for (auto& old : *environment) {
    if (old.starts_with(NameOf(pair))) {
      old = pair;
      return;
    }
  }
  environment->emplace_back(pair);
}

void UnsetVariable(std::vector<std::string>* environment, const std::string& name) {
  const std::string prefix = name + "=";
  for (size_t i = 0; i < environment->size();) {
    if ((*environment)[i].starts_with(prefix)) {
      environment->erase(environment->begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

void BuildEnvironment(const ExecRequest& request, Plan* plan) {
  if (!request.clean_env) {
    for (char** variable = environ; *variable != nullptr; ++variable) {
      plan->environment.emplace_back(*variable);
    }
    if (plan->user) {
      const Credentials& user = *plan->user;
      SetVariable(&plan->environment, "HOME=" + (user.home.empty() ? "/" : user.home));
      if (!user.name.empty()) {
        SetVariable(&plan->environment, "USER=" + user.name);
        SetVariable(&plan->environment, "LOGNAME=" + user.name);
      }
    }
  }
  for (const std::string& name : request.unset) {
    UnsetVariable(&plan->environment, name);
  }
  for (const std::string& pair : request.set) {
    SetVariable(&plan->environment, pair);
  }
  for (std::string& pair : plan->environment) {
    if (pair.starts_with("PATH=")) {
      plan->path = pair.c_str() + 5;
    }
    plan->envp.push_back(pair.data());
  }
  plan->envp.push_back(nullptr);
}

// execvp(3) by hand: with the PATH of the new environment, and without its fallback to /bin/sh,
// which would hide ENOEXEC. Returns the errno to report.
int Exec(const Plan& plan) {
  const char* program = plan.argv[0];
  if (std::strchr(program, '/') != nullptr) {
    ::execve(program, plan.argv.data(), plan.envp.data());
    return errno;
  }
  int result = ENOENT;
  std::string_view rest(plan.path);
  while (true) {
    const size_t colon = rest.find(':');
    const std::string_view directory(rest.data(),
                                     colon == std::string_view::npos ? rest.size() : colon);
    char candidate[PATH_MAX];
    // An empty component is the current directory (POSIX 8.3).
    const int length =
        ::snprintf(candidate, sizeof candidate, "%.*s%s%s", static_cast<int>(directory.size()),
                   directory.data(), directory.empty() ? "./" : "/", program);
    if (length > 0 && static_cast<size_t>(length) < sizeof candidate) {
      ::execve(candidate, plan.argv.data(), plan.envp.data());
      // A file that may not be run is passed over, but remembered, as shells do.
      if (errno != ENOENT && errno != ENOTDIR) {
        result = errno;
        if (errno != EACCES) {
          return result;
        }
      }
    }
    if (colon == std::string_view::npos) {
      return result;
    }
    rest.remove_prefix(colon + 1);
  }
}

[[noreturn]] void Report(const Plan& plan, SpawnStage stage, int os_error) {
  const SpawnFailure failure{stage, os_error};
  // Eight bytes into an empty pipe: written whole (pipe(7), PIPE_BUF).
  (void)!::write(plan.failure, &failure, sizeof failure);
  ::_exit(127);
}

// Group before user: after setuid there is no right to change groups any more.
bool BecomeUser(const Credentials& user) {
  if (::geteuid() != 0 && user.uid == ::geteuid() && user.gid == ::getegid()) {
    return true;
  }
  return ::setgroups(user.groups.size(), user.groups.data()) == 0 &&
         ::setresgid(user.gid, user.gid, user.gid) == 0 &&
         ::setresuid(user.uid, user.uid, user.uid) == 0;
}

// Only what the agent has changed for itself (main.cc): each call costs every command.
void UndoOwnSettings(const ChildDefaults& defaults) {
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const sched_param normal{};
  ::sched_setscheduler(0, SCHED_OTHER, &normal);
  ::setrlimit(RLIMIT_NOFILE, &defaults.open_files);
  if (!defaults.oom_protected) {
    return;
  }
  if (const Fd oom(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)); oom) {
    (void)!::write(oom.get(), "0", 1);
  }
}

[[noreturn]] void RunChild(const Plan& plan) {
  UndoOwnSettings(plan.defaults);
  ::setsid();
  if (plan.terminal && ::ioctl(plan.input, TIOCSCTTY, 0) != 0) {
    Report(plan, SpawnStage::kTerminal, errno);
  }
  // The agent keeps 0, 1 and 2 open, so none of these is among them and no copy is lost.
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.error, 2) < 0) {
    Report(plan, SpawnStage::kAgent, errno);
  }
  if (plan.user) {
    if (plan.terminal) {
      // So that programs can open /dev/tty again by name; refused for an ordinary user.
      (void)!::fchown(0, plan.user->uid, static_cast<gid_t>(-1));
    }
    if (!BecomeUser(*plan.user)) {
      Report(plan, SpawnStage::kUser, errno);
    }
  }
  // As the user: what that user may not enter, the command may not be started in.
  if (::chdir(plan.cwd) != 0) {
    Report(plan, SpawnStage::kCwd, errno);
  }
  Report(plan, SpawnStage::kExec, Exec(plan));
}

bool OpenTerminal(const ExecRequest& request, Spawned* spawned, Fd* peer) {
  Fd master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  const int unlock = 0;
  if (!master || ::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) {
    return false;
  }
  // TIOCGPTPEER opens the other end without a path, whatever is mounted on /dev/pts.
  peer->Reset(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!*peer) {
    return false;
  }
  winsize size{};
  size.ws_row = request.rows;
  size.ws_col = request.cols;
  ::ioctl(master.get(), TIOCSWINSZ, &size);
  spawned->terminal = std::move(master);
  return MakeNonBlocking(spawned->terminal);
}

}  // namespace

std::string_view SpawnStageName(SpawnStage stage) {
  switch (stage) {
    case SpawnStage::kUser:
      return "user";
    case SpawnStage::kCwd:
      return "cwd";
    case SpawnStage::kTerminal:
      return "terminal";
    case SpawnStage::kExec:
      return "exec";
    case SpawnStage::kAgent:
      break;
  }
  return "agent";
}

void ResetSignals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    // Refused for SIGKILL, SIGSTOP and the two that glibc keeps to itself, and meant to be.
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool Spawn(const ExecRequest& request, const ChildDefaults& defaults, Spawned* spawned,
           SpawnFailure* failure) {
  Plan plan;
  if (!request.user.empty()) {
    plan.user =
        ResolveUser(request.user, ReadSmallFile("/etc/passwd"), ReadSmallFile("/etc/group"));
    if (!plan.user) {
      *failure = {SpawnStage::kUser, ENOENT};
      return false;
    }
  }
  for (const std::string& argument : request.argv) {
    plan.argv.push_back(const_cast<char*>(argument.c_str()));
  }
  plan.argv.push_back(nullptr);
  BuildEnvironment(request, &plan);
  if (!request.cwd.empty()) {
    plan.cwd = request.cwd.c_str();
  }
  plan.defaults = defaults;

  *failure = {SpawnStage::kAgent, 0};
  Pipe error_pipe, in, out, err;
  Fd null, peer;
  bool ok = OpenPipe(&error_pipe);
  if (ok && request.want_pty) {
    if (!OpenTerminal(request, spawned, &peer)) {
      *failure = {SpawnStage::kTerminal, errno};
      return false;
    }
    plan.terminal = true;
    plan.input = plan.output = plan.error = peer.get();
  } else if (ok) {
    ok = OpenPipe(&out) && OpenPipe(&err) && MakeNonBlocking(out.read) && MakeNonBlocking(err.read);
    if (ok && request.want_stdin) {
      ok = OpenPipe(&in) && MakeNonBlocking(in.write);
      plan.input = in.read.get();
    } else if (ok) {
      null.Reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      ok = static_cast<bool>(null);
      plan.input = null.get();
    }
    plan.output = out.write.get();
    plan.error = err.write.get();
  }
  if (!ok || !MakeNonBlocking(error_pipe.read)) {
    failure->os_error = errno;
    return false;
  }
  plan.failure = error_pipe.write.get();
  spawned->pid = ::fork();
  if (spawned->pid == 0) {
    RunChild(plan);
  }
  if (spawned->pid < 0) {
    failure->os_error = errno;
    return false;
  }
  spawned->stdin_pipe = std::move(in.write);
  spawned->stdout_pipe = std::move(out.read);
  spawned->stderr_pipe = std::move(err.read);
  spawned->failure = std::move(error_pipe.read);
  return true;
}

}  // namespace vmtest::agent
