// Probe: can this machine's KVM really run a modern kernel?
//
// A /dev/kvm that opens proves nothing: some hosts offer one without hardware virtualization, where
// KVM interprets every guest instruction and gives up on the first that it does not know.
// So a small 64-bit payload with such instructions is run, with a deadline.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace vmtest {

enum class ProbeStatus {
  kUsable,
  kAbsent,       // there is no device
  kDenied,       // no permission on it
  kUnsupported,  // it lacks an extension that we need
  kInterpreted,  // it opens, but cannot run the payload: no hardware virtualization underneath
  kBroken,       // something else failed
};
std::string_view ProbeStatusName(ProbeStatus status);

struct ProbeResult {
  ProbeStatus status;
  std::string message;  // what was found, one line
  std::string hint;     // what would help, one line; empty when usable
};

// Runs for at most `deadline` (5 s is ample: hardware needs under a millisecond).
ProbeResult ProbeKvm(const std::string& path, std::chrono::milliseconds deadline);

}  // namespace vmtest
