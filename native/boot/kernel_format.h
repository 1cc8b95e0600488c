// Which kind of file is this? Decided by its first bytes alone; what we cannot boot is named, so
// that a user who gave the wrong file learns which file it is.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace vmtest {

// Enough for every magic number below: the furthest is the setup header's at 0x202.
inline constexpr uint64_t kKernelProbeSize = 0x210;

enum class KernelFormat {
  kElf,
  kBzImage,
  kArm64Image,
  kOther,  // nothing that we could boot anywhere
};

struct KernelProbe {
  KernelFormat format;
  std::string_view description;  // "is ...", after the words "the kernel"
};

// `head` is the start of the file, at most kKernelProbeSize bytes.
KernelProbe ProbeKernel(std::span<const uint8_t> head);

}  // namespace vmtest
