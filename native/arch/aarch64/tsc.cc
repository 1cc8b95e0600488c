#include "arch/tsc.h"

namespace vmtest {

// The generic timer says its own rate (CNTFRQ_EL0): nobody has to measure it.
std::optional<uint64_t> MeasureTscKhz() { return std::nullopt; }

}  // namespace vmtest
