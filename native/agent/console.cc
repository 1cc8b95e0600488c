#include "agent/console.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/fd.h"

namespace vmtest::agent {

void ConsoleLine(const char* format, ...) {
  // Priority 3, error: shown on the console even with `quiet`, whose level is 4 (Linux,
  // Documentation/ABI/testing/dev-kmsg and kernel-parameters).
  char line[512] = "<3>vmtest-agent: ";
  const size_t prefix = std::strlen(line);
  va_list arguments;
  va_start(arguments, format);
  const int written = ::vsnprintf(line + prefix, sizeof line - prefix - 1, format, arguments);
  va_end(arguments);
  const size_t size = std::min(prefix + static_cast<size_t>(std::max(written, 0)), sizeof line - 2);
  line[size] = '\n';
  constexpr size_t kPriority = 3;
  // As a service the agent's standard error is the right place: the service manager's log.
  const Fd log(::getpid() == 1 ? ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC) : -1);
  if (!log || ::write(log.get(), line, size + 1) < 0) {
    (void)!::write(2, line + kPriority, size + 1 - kPriority);
  }
}

}  // namespace vmtest::agent
