#include "agent/server.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "agent/connection.h"

namespace vmtest::agent {

Server::Server(Loop* loop, const ChildDefaults& defaults) : loop_(loop), defaults_(defaults) {}

// The connections still speak to this object while they end.
Server::~Server() { connections_.clear(); }

void Server::Serve(Fd listener, Fd signals) {
  listener_ = std::move(listener);
  signals_ = std::move(signals);
  loop_->Set(&listener_watch_, listener_.get(), EPOLLIN);
  loop_->Set(&signals_watch_, signals_.get(), EPOLLIN);
}

void Server::RunOnce(Session* session) {
  int64_t next = session->deadline();
  for (const auto& connection : connections_) {
    const int64_t deadline = connection->deadline();
    if (deadline >= 0 && (next < 0 || deadline < next)) {
      next = deadline;
    }
  }
  int timeout = -1;
  if (next >= 0) {
    timeout = static_cast<int>(std::clamp(next - NowMs(), int64_t{0}, int64_t{60'000}));
  }
  loop_->RunOnce(timeout);
  const int64_t now = NowMs();
  for (const auto& connection : connections_) {
    const int64_t deadline = connection->deadline();
    if (deadline >= 0 && deadline <= now) {
      connection->OnDeadline();
    }
  }
  if (session->deadline() >= 0 && session->deadline() <= now) {
    session->OnDeadline();
  }
  for (const auto& connection : connections_) {
    connection->EndTurn();
  }
  Sweep();
}

void Server::OnEvent(int fd, uint32_t) {
  if (fd == listener_.get()) {
    Accept();
  } else {
    ReadSignals();
  }
}

void Server::Accept() {
  while (true) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        // Without a free descriptor the loop would spin here; look again when one was closed.
        loop_->Set(&listener_watch_, listener_.get(), 0);
        some_finished_ = some_finished_ || connections_.empty();
      }
      if (errno != EINTR && errno != ECONNABORTED) {
        return;
      }
      continue;
    }
    connections_.push_back(std::make_unique<Connection>(this, std::move(socket)));
  }
}

void Server::ReadSignals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGCHLD) {
      Reap();
    } else {
      signal_ = static_cast<int>(info.ssi_signo);
    }
  }
}

// Signals of one number merge, so one SIGCHLD stands for any number of children. As PID 1 these
// are also the orphans of the whole guest.
void Server::Reap() {
  while (true) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
      return;
    }
    for (const Child& child : children_) {
      if (child.pid == pid) {
        Exec* exec = child.exec;
        Unregister(pid);
        exec->OnExited(status);
        break;
      }
    }
  }
}

int Server::TakeSignal() { return std::exchange(signal_, 0); }

void Server::Register(pid_t pid, Exec* exec) { children_.push_back({pid, exec}); }

void Server::Unregister(pid_t pid) {
  std::erase_if(children_, [pid](const Child& child) { return child.pid == pid; });
}

void Server::ConnectionFinished() { some_finished_ = true; }

void Server::Sweep() {
  if (!some_finished_) {
    return;
  }
  some_finished_ = false;
  std::erase_if(connections_, [](const auto& connection) { return connection->finished(); });
  loop_->Set(&listener_watch_, listener_.get(), EPOLLIN);
}

}  // namespace vmtest::agent
