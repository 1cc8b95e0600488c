#include "arch/tsc.h"

#include <gtest/gtest.h>

namespace vmtest {
namespace {

TEST(MeasureTscKhz, SaysTheSameTwice) {
  const auto first = MeasureTscKhz();
  const auto second = MeasureTscKhz();
  ASSERT_TRUE(first && second);
  // No x86 CPU has ever counted slower than 100 MHz or faster than 10 GHz.
  EXPECT_GT(*first, 100'000U);
  EXPECT_LT(*first, 10'000'000U);
  // Linux gives a clock up that is wrong by 500 parts in a million (ntp); a loaded machine is
  // allowed more here.
  EXPECT_NEAR(static_cast<double>(*first), static_cast<double>(*second),
              static_cast<double>(*first) / 1000);
}

}  // namespace
}  // namespace vmtest
