// Directories of the host in the guest: 9p file systems that the engine serves, known by their
// tags.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmtest::agent {

// Who writes to the directory while the guest lives.
enum class MountMode {
  kReadOnly,   // "ro": nobody
  kShared,     // "rw": the guest and others
  kExclusive,  // "exclusive": the guest alone
};

std::optional<MountMode> ParseMountMode(std::string_view text);

// vmtest.mount=TAG:MODE:PATH on the kernel's command line, once for each. Where PATH is to have a
// blank or another sign that the line cannot have, there is %XX.
struct HostMount {
  std::string tag;
  MountMode mode = MountMode::kReadOnly;
  std::string path;
};

// In the order of the line. `error` is set when one of them is nonsense.
std::vector<HostMount> ParseHostMounts(std::string_view command_line, std::string* error);

// Mounts what the host calls `tag`. Returns what went wrong, or nothing.
std::string MountTag(const std::string& tag, const std::string& target, MountMode mode);

// Mounts them one after the other; directories that are missing are made. Returns what went wrong
// with the first that failed, or nothing.
std::string MountHostDirectories(const std::vector<HostMount>& mounts);

}  // namespace vmtest::agent
