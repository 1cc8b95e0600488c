// Result<T>: how every fallible function in the core answers.
//
// Three kinds of mistakes are kept apart:
//   - what a guest got wrong is data: a device status, NEEDS_RESET, a counter; never an Error;
//   - what the host refused (a system call, a bad file, a bad message) is an Error in a Result;
//   - what we got wrong is a VMTEST_CHECK (base/check.h).
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace vmtest {

// The stable names that cross the control channel are in ErrorCodeName; add, never rename.
enum class ErrorCode {
  kInvalidArgument,  // a value that the caller gave is out of its documented range
  kBadImage,         // a kernel or initrd that is not what it claims to be
  kDoesNotFit,       // something that must lie in guest memory is larger than it
  kBusy,             // a file that another guest holds
  kNotFound,         // a thing that was named does not exist
  kPermission,       // the host refused access
  kUnsupported,      // the host or the image lacks a feature that is needed
  kIo,               // a system call on a file or descriptor failed
  kNoMemory,         // the host has no memory left
  kProtocol,         // the peer broke a protocol of ours
  kWrongState,       // the request is not valid now
  kKvm,              // a KVM ioctl failed
};

// The wire name of a code, like "bad-image".
std::string_view ErrorCodeName(ErrorCode code);

struct Error {
  ErrorCode code;
  std::string message;       // one line, no full stop: what failed and why
  int os_error = 0;          // errno, or 0 when no system call was to blame
  std::string subject = {};  // the part of a request to blame ("kernel", "disks[0]"), where known
};

template <typename T = void>
using Result = tl::expected<T, Error>;

// An Error as a value that converts to any Result<T>.
[[nodiscard]] tl::unexpected<Error> Fail(ErrorCode code, std::string message);

// The same for a system call that just failed: takes errno, picks the code from it and appends
// strerror. Call it before anything else can change errno.
[[nodiscard]] tl::unexpected<Error> FailErrno(std::string_view what, int os_error = errno);

// Says which part of a request an error is about; what was said before, nearer to it, stays.
template <typename T>
Result<T> About(std::string_view subject, Result<T> result) {
  if (!result.has_value() && result.error().subject.empty()) {
    result.error().subject = subject;
  }
  return result;
}

// For VM_TRY: what a successful Result holds, nothing for Result<>.
template <typename T>
T TakeValue(Result<T>&& result) {
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

}  // namespace vmtest

// The value of a Result, or return its Error from the enclosing function. A GNU statement
// expression, which both compilers of this project have.
#define VM_TRY(expression)                                       \
  __extension__({                                                \
    auto vm_try_result = (expression);                           \
    if (!vm_try_result.has_value()) {                            \
      return ::tl::unexpected(std::move(vm_try_result).error()); \
    }                                                            \
    ::vmtest::TakeValue(std::move(vm_try_result));               \
  })
