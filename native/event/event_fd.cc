#include "event/event_fd.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace vmtest {

Result<EventFd> EventFd::Create() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) {
    return FailErrno("create an eventfd");
  }
  return EventFd(std::move(fd));
}

void EventFd::Signal() const {
  const uint64_t one = 1;
  // EAGAIN means that the counter is full: the watcher is certain to wake, which is all we want.
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof(one));
}

bool EventFd::Drain() const {
  uint64_t count = 0;
  return ::read(fd_.get(), &count, sizeof(count)) == sizeof(count) && count > 0;
}

}  // namespace vmtest
