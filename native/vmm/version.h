// What this program says of itself.
#pragma once

namespace vmtest {

inline constexpr const char* kVersion = VMTEST_VERSION;  // from package.json, by CMake
#if defined(__x86_64__)
inline constexpr const char* kArch = "x86_64";
#else
#error "no machine for this architecture yet"
#endif

}  // namespace vmtest
