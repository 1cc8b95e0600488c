// The kernel command line, before it goes into guest memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace vmtest {

// kInvalidArgument for a NUL inside, and for more than `max` bytes.
Result<> CheckCommandLine(std::string_view cmdline, uint64_t max);

}  // namespace vmtest
