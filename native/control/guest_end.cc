#include "control/guest_end.h"

#include <array>

namespace vmtest {

std::string_view GuestEndKind(const GuestEnd& end) {
  // In the order of the variant's alternatives.
  constexpr std::array<std::string_view, std::variant_size_v<GuestEnd>> kKinds = {
      "poweroff",           "reset",         "panic",  "triple-fault",   "debug-exit",
      "kvm-internal-error", "entry-failure", "killed", "front-end-gone", "host-error",
  };
  return kKinds[end.index()];
}

std::string_view ResetSourceName(ResetSource source) {
  switch (source) {
    case ResetSource::kI8042:
      return "i8042";
    case ResetSource::kAcpi:
      return "acpi";
    case ResetSource::kResetControl:
      return "cf9";
    case ResetSource::kPsci:
      return "psci";
  }
  return "unknown";
}

}  // namespace vmtest
