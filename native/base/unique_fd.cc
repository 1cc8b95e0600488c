#include "base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace vmtest {

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) {
    // Linux frees the descriptor even when close reports EINTR, so there is nothing to repeat.
    ::close(fd_);
  }
  fd_ = fd;
}

Result<UniqueFd> UniqueFd::Duplicate() const {
  UniqueFd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 0));
  if (!copy) {
    return FailErrno("duplicate a descriptor");
  }
  return copy;
}

Result<> SetNonBlocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    return FailErrno("make a descriptor non-blocking");
  }
  return {};
}

}  // namespace vmtest
