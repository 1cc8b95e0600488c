// Loop: the agent's one epoll set, on its one thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>

#include "agent/fd.h"

namespace vmtest::agent {

class EventHandler {
 public:
  virtual void OnEvent(int fd, uint32_t events) = 0;

 protected:
  ~EventHandler() = default;
};

// One registered descriptor. Lives as long as its handler; never moves.
struct Watch {
  explicit Watch(EventHandler* owner) : handler(owner) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  EventHandler* handler;
  int fd = -1;
  uint32_t interest = 0;
};

class Loop {
 public:
  // False when the kernel has no descriptor left.
  bool Open();
  // Waits for `interest` on `fd`. With no interest the descriptor leaves the set: epoll would go on
  // reporting EPOLLHUP, and a pipe that nobody wants to read yet would spin the loop.
  void Set(Watch* watch, int fd, uint32_t interest);
  // Must be called before the descriptor is closed or the watch dies; no event follows.
  void Forget(Watch* watch);
  // Handles one batch of events. `timeout_ms` -1: wait for as long as it takes.
  void RunOnce(int timeout_ms);

 private:
  Fd epoll_;
  std::array<epoll_event, 64> batch_{};
  int batch_size_ = 0;
};

// CLOCK_MONOTONIC in milliseconds.
int64_t NowMs();

}  // namespace vmtest::agent
