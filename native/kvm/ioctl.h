// One place for the ioctl calls on KVM descriptors: repeats after EINTR and names what failed.
#pragma once

#include <sys/ioctl.h>

#include <string_view>

#include "base/result.h"

namespace vmtest {

// Never for KVM_RUN, where EINTR means something. Returns ioctl's own value (0, a count, or a
// descriptor). Fails with kKvm.
template <typename Argument>
Result<int> KvmIoctl(int fd, unsigned long request, Argument argument, std::string_view what) {
  int value = -1;
  do {
    value = ::ioctl(fd, request, argument);
  } while (value < 0 && errno == EINTR);
  if (value < 0) {
    auto failure = FailErrno(what);
    failure.value().code = ErrorCode::kKvm;
    return failure;
  }
  return value;
}

}  // namespace vmtest
