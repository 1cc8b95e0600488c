#include "boot/command_line.h"

#include <fmt/format.h>

namespace vmtest {

Result<> CheckCommandLine(std::string_view cmdline, uint64_t max) {
  if (cmdline.find('\0') != std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "the kernel command line contains a NUL byte");
  }
  if (cmdline.size() > max) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the kernel command line has {} bytes; this kernel takes at most {}",
                            cmdline.size(), max));
  }
  return {};
}

}  // namespace vmtest
