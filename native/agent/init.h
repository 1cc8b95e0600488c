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

// Makes a usable system of a bare initramfs: file systems, console, environment, modules, `lo`,
// host name. Nothing here is fatal by itself; what fails is said on the console, and modules that
// did not load are returned for HELLO.
std::vector<FailedModule> SetUpSystem();

}  // namespace vmtest::agent
