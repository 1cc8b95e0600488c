#include "event/event_fd.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace vmtest {

Result<EventFd> EventFd::Create() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) {
    return FailErrno("create an eventfd");
  }
  return EventFd(std::move(fd));
}

Result<EventFd> EventFd::Adopt(UniqueFd fd) {
  // The kernel tells the kind of an anonymous descriptor nowhere else.
  const std::string path = fmt::format("/proc/self/fd/{}", fd.get());
  std::array<char, 64> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) {
    return FailErrno("look at a descriptor in /proc");
  }
  if (std::string_view(target.data(), static_cast<size_t>(size)) != "anon_inode:[eventfd]") {
    return Fail(ErrorCode::kInvalidArgument, "the descriptor is not an eventfd");
  }
  // Shared with the other process, which could take it back: it would harm its own guest.
  VM_TRY(SetNonBlocking(fd.get()));
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
