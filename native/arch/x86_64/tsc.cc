#include "arch/tsc.h"

#include <x86intrin.h>

#include <ctime>

namespace vmtest {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
constexpr timespec kInterval = {.tv_sec = 0, .tv_nsec = 20'000'000};
// An interrupt between the two readings of one sample spoils it: the closest of several is taken.
constexpr int kTries = 8;

struct Sample {
  uint64_t tsc;
  int64_t nanos;
};

int64_t Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return (int64_t{now.tv_sec} * kNanosPerSecond) + now.tv_nsec;
}

Sample TakeSample() {
  Sample best{};
  uint64_t width = UINT64_MAX;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = __rdtsc();
    const int64_t nanos = Now();
    const uint64_t after = __rdtsc();
    if (after >= before && after - before < width) {
      width = after - before;
      best = {.tsc = before + (width / 2), .nanos = nanos};
    }
  }
  return best;
}

}  // namespace

std::optional<uint64_t> MeasureTscKhz() {
  const Sample start = TakeSample();
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &kInterval, nullptr);
  const Sample end = TakeSample();
  if (end.tsc <= start.tsc || end.nanos <= start.nanos) {
    return std::nullopt;
  }
  constexpr double kNanosPerMilli = 1e6;
  return static_cast<uint64_t>(static_cast<double>(end.tsc - start.tsc) /
                                   static_cast<double>(end.nanos - start.nanos) * kNanosPerMilli +
                               0.5);
}

}  // namespace vmtest
