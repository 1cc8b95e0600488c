#include "agent/loop.h"

#include <time.h>

namespace vmtest::agent {

int64_t NowMs() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

bool Loop::Open() {
  epoll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  return static_cast<bool>(epoll_);
}

void Loop::Set(Watch* watch, int fd, uint32_t interest) {
  if (watch->interest == interest && (interest == 0 || watch->fd == fd)) {
    return;
  }
  if (interest == 0 || (watch->interest != 0 && watch->fd != fd)) {
    Forget(watch);
  }
  if (interest == 0) {
    return;
  }
  epoll_event event{};
  event.events = interest;
  event.data.ptr = watch;
  const int operation = watch->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) == 0) {
    watch->fd = fd;
    watch->interest = interest;
  }
}

void Loop::Forget(Watch* watch) {
  if (watch->interest == 0) {
    return;
  }
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, watch->fd, nullptr);
  watch->interest = 0;
  watch->fd = -1;
  for (int i = 0; i < batch_size_; ++i) {
    auto& event = batch_[static_cast<size_t>(i)];
    if (event.data.ptr == watch) {
      event.data.ptr = nullptr;
    }
  }
}

void Loop::RunOnce(int timeout_ms) {
  const int count =
      ::epoll_wait(epoll_.get(), batch_.data(), static_cast<int>(batch_.size()), timeout_ms);
  batch_size_ = count > 0 ? count : 0;
  for (int i = 0; i < batch_size_; ++i) {
    const epoll_event event = batch_[static_cast<size_t>(i)];
    auto* watch = static_cast<Watch*>(event.data.ptr);
    if (watch != nullptr) {
      watch->handler->OnEvent(watch->fd, event.events);
    }
  }
  batch_size_ = 0;
}

}  // namespace vmtest::agent
