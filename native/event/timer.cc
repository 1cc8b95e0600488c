#include "event/timer.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

namespace vmtest {

Result<Timer> Timer::Create(EventLoop& loop, std::function<void()> on_expire) {
  UniqueFd fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) {
    return FailErrno("create a timerfd");
  }
  const int raw = fd.get();
  Watch watch = VM_TRY(loop.Add(raw, EPOLLIN, [raw, expire = std::move(on_expire)](uint32_t) {
    uint64_t count = 0;
    // Nothing to read means that it was disarmed or re-armed after it became ready.
    if (::read(raw, &count, sizeof(count)) == sizeof(count)) {
      expire();
    }
  }));
  return Timer(std::move(fd), std::move(watch));
}

void Timer::Arm(std::chrono::nanoseconds delay) {
  const int64_t nanoseconds = std::max<int64_t>(delay.count(), 1);
  const itimerspec when{
      .it_interval = {},
      .it_value = {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000}};
  ::timerfd_settime(fd_.get(), 0, &when, nullptr);
}

void Timer::Disarm() {
  const itimerspec never{};
  ::timerfd_settime(fd_.get(), 0, &never, nullptr);
}

}  // namespace vmtest
