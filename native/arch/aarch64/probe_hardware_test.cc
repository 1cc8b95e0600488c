#include <gtest/gtest.h>
#include <unistd.h>

#include "arch/probe.h"

namespace vmtest {
namespace {

using std::chrono::seconds;

// KVM interprets nothing on this architecture: where there is a device there is hardware.
TEST(ProbeTest, FindsTheHardware) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no accessible /dev/kvm on this machine";
  }
  const ProbeResult result = ProbeKvm("/dev/kvm", seconds(60));
  EXPECT_EQ(result.status, ProbeStatus::kUsable) << result.message;
}

}  // namespace
}  // namespace vmtest
