// A fixed piece of work, whose time in a guest and on its host say how many times slower the guest
// is.
#pragma once

#include <cstdint>

namespace vmtest::agent {

// Runs it once, some 10 ms on a machine of today, and returns what that took, in nanoseconds of the
// monotonic clock: arithmetic, memory that is touched for the first time, and system calls, because
// emulators are slow at each of them in another way.
uint64_t TimeWorkload();

}  // namespace vmtest::agent
