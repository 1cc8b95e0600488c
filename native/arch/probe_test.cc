#include "arch/probe.h"

#include <gtest/gtest.h>

#include <string>

namespace vmtest {
namespace {

using std::chrono::seconds;

TEST(ProbeTest, NoDeviceIsAbsentAndSaysWhatWouldHelp) {
  const ProbeResult result = ProbeKvm("/nonexistent/kvm", seconds(5));
  EXPECT_EQ(result.status, ProbeStatus::kAbsent);
  EXPECT_NE(result.message.find("/nonexistent/kvm"), std::string::npos);
  EXPECT_FALSE(result.hint.empty());
}

TEST(ProbeTest, AnotherDeviceIsBroken) {
  EXPECT_EQ(ProbeKvm("/dev/null", seconds(5)).status, ProbeStatus::kBroken);
}

}  // namespace
}  // namespace vmtest
