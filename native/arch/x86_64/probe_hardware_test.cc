#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "arch/probe.h"

namespace vmtest {
namespace {

using std::chrono::seconds;

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
