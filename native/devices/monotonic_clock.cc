#include "devices/monotonic_clock.h"

#include <ctime>

namespace vmtest {

uint64_t MonotonicClock() {
  constexpr uint64_t kNanosPerSecond = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return (static_cast<uint64_t>(now.tv_sec) * kNanosPerSecond) + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace vmtest
