// SystemError: a system call that failed, as JavaScript is told of it.
#pragma once

#include <cerrno>
#include <string>
#include <tl/expected.hpp>

namespace vmtest::addon {

struct SystemError {
  int number;           // errno
  const char* syscall;  // a literal
};

template <typename T = void>
using SystemResult = tl::expected<T, SystemError>;

// For a call that just failed; takes errno.
inline tl::unexpected<SystemError> FailSystem(const char* syscall, int number = errno) {
  return tl::unexpected(SystemError{.number = number, .syscall = syscall});
}

// "No such file or directory (posix_spawn: ENOENT)"
std::string Describe(const SystemError& error);
// "ENOENT"
std::string ErrnoName(int number);

}  // namespace vmtest::addon
