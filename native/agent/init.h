// The duties of PID 1 in an initramfs.
#pragma once

#include <string>
#include <vector>

namespace vmtest::agent {

struct FailedModule {
  std::string path;
  int os_error = 0;
};

inline constexpr const char* kModuleList = "/vmtest/modules.list";

// Paths of a module list: one a line, blanks around it and comments from '#' on left out.
std::vector<std::string> ParseModuleList(std::string_view text);

struct SystemState {
  std::vector<FailedModule> failed_modules;  // for HELLO
  bool init = true;   // false: another init is PID 1 now, and this process is a child of it
  std::string fatal;  // why this system is not what the host asked for; empty when it is
};

// Makes a usable system of a bare initramfs: file systems, console, environment, modules, `lo`,
// host name, and the root file system, directories of the host and init that the host asked for
// (root.h, mounts.h). What fails is said on the console; only one of these three that cannot be had
// is fatal.
SystemState SetUpSystem();

}  // namespace vmtest::agent
