#include "arch/probe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
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

// The one fact that the probe exists for: usable exactly where the CPU has virtualization
// extensions for KVM to use, whatever else the device pretends.
TEST(ProbeTest, TellsHardwareFromInterpretation) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no accessible /dev/kvm on this machine";
  }
  bool hardware = false;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    hardware = hardware || (line.starts_with("flags") && (line.find(" vmx") != std::string::npos ||
                                                          line.find(" svm") != std::string::npos));
  }
  const ProbeResult result = ProbeKvm("/dev/kvm", seconds(60));
  EXPECT_EQ(result.status, hardware ? ProbeStatus::kUsable : ProbeStatus::kInterpreted)
      << result.message;
}

}  // namespace
}  // namespace vmtest
