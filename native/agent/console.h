// The agent's few words for people.
#pragma once

namespace vmtest::agent {

// One line through the kernel's log, where it cannot be torn apart by other output, or to standard
// error where there is no such log. printf(3) format, without a newline.
[[gnu::format(printf, 1, 2)]] void ConsoleLine(const char* format, ...);

}  // namespace vmtest::agent
