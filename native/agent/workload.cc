#include "agent/workload.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>

namespace vmtest::agent {
namespace {

constexpr int kRounds = 14;
constexpr size_t kArea = size_t{192} * 1024;
constexpr uint32_t kSteps = 150'000;
constexpr int kCalls = 500;

uint64_t Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// Marsaglia's xorshift, spread over the area; returned so that no compiler leaves it out.
uint32_t Stir(volatile uint32_t* area) {
  uint32_t value = 2463534242;
  for (uint32_t i = 0; i < kSteps; ++i) {
    value ^= value << 13;
    value ^= value >> 17;
    value ^= value << 5;
    area[value % (kArea / sizeof(uint32_t))] = value;
  }
  return value;
}

}  // namespace

uint64_t TimeWorkload() {
  const uint64_t start = Now();
  for (int round = 0; round < kRounds; ++round) {
    void* area = ::mmap(nullptr, kArea, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area != MAP_FAILED) {
      Stir(static_cast<uint32_t*>(area));
      ::munmap(area, kArea);
    }
    for (int call = 0; call < kCalls; ++call) {
      ::syscall(SYS_getppid);
    }
  }
  return Now() - start;
}

}  // namespace vmtest::agent
