// How fast this machine's time stamp counter runs: QEMU's emulated CPU shows the same counter, and
// its guest has nothing to measure it against.
#pragma once

#include <cstdint>
#include <optional>

namespace vmtest {

// In kHz, measured against CLOCK_MONOTONIC_RAW for some 20 ms: good to a few parts in a hundred
// thousand. Nothing when the counter does not advance steadily, and on
// architectures that have none.
std::optional<uint64_t> MeasureTscKhz();

}  // namespace vmtest
