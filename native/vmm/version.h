// What this program says of itself.
#pragma once

namespace vmtest {

inline constexpr const char* kVersion = VMTEST_VERSION;  // from package.json, by CMake
inline constexpr const char* kArch = VMTEST_ARCH;        // "x86_64" or "aarch64"

}  // namespace vmtest
