// Timer: a one-shot or repeating deadline on a loop, by timerfd on CLOCK_MONOTONIC.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "event/event_loop.h"

namespace vmtest {

class Timer {
 public:
  // Not armed yet. `on_expire` runs on the loop's thread.
  static Result<Timer> Create(EventLoop& loop, std::function<void()> on_expire);

  // Fires once, `delay` from now; replaces a deadline that is still open. A delay of zero or less
  // fires in the next round. Arm and Disarm may be called on any thread.
  void Arm(std::chrono::nanoseconds delay);
  void Disarm();

 private:
  Timer(UniqueFd fd, Watch watch) : fd_(std::move(fd)), watch_(std::move(watch)) {}

  UniqueFd fd_;
  Watch watch_;  // after fd_: it must go first
};

}  // namespace vmtest
