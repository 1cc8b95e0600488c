// The clock behind a guest's real-time clock: never set, never falling.
#pragma once

#include <cstdint>

namespace vmtest {

// Nanoseconds of CLOCK_MONOTONIC.
uint64_t MonotonicClock();

}  // namespace vmtest
