// Server: accepts the host's connections, reaps every child, keeps the deadlines.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "agent/fd.h"
#include "agent/loop.h"
#include "agent/session.h"
#include "agent/spawn.h"

namespace vmtest::agent {

class Connection;
class Exec;

class Server final : public EventHandler {
 public:
  Server(Loop* loop, const ChildDefaults& defaults);
  ~Server();

  // Takes a listening socket and a signalfd, both non-blocking.
  void Serve(Fd listener, Fd signals);
  // Waits once and handles what happened. `session` may have a deadline of its own.
  void RunOnce(Session* session);
  // The last signal other than SIGCHLD that came, or 0; asking forgets it.
  int TakeSignal();

  Loop* loop() { return loop_; }
  const ChildDefaults& child_defaults() const { return defaults_; }
  void Register(pid_t pid, Exec* exec);
  void Unregister(pid_t pid);
  void ConnectionFinished();

  void OnEvent(int fd, uint32_t events) override;

 private:
  struct Child {
    pid_t pid;
    Exec* exec;
  };

  void Accept();
  void ReadSignals();
  void Reap();
  void Sweep();

  Loop* loop_;
  ChildDefaults defaults_;
  Fd listener_;
  Fd signals_;
  Watch listener_watch_{this};
  Watch signals_watch_{this};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Child> children_;
  bool some_finished_ = false;
  int signal_ = 0;
};

}  // namespace vmtest::agent
