#include "agent/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "agent/command_line.h"

namespace vmtest::agent {
namespace {

// `msize` is the most that virtio's 128 descriptors carry in one message (net/9p/trans_virtio.c).
//
// Cached: what was read stays in the guest's page cache and is not asked for again, what is written
// may reach the host late. Shared: every name, attribute and byte is the host's at once, both ways,
// and only what a program maps is kept.
constexpr const char* kCached = "trans=virtio,version=9p2000.L,msize=512000,cache=loose";
constexpr const char* kShared = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap";

// False when the escapes are nonsense, or stand for a NUL.
bool Unescape(std::string_view text, std::string* plain) {
  while (!text.empty()) {
    if (text.front() != '%') {
      *plain += text.front();
      text.remove_prefix(1);
      continue;
    }
    unsigned value = 0;
    if (text.size() < 3) {
      return false;
    }
    const auto [end, failure] = std::from_chars(text.data() + 1, text.data() + 3, value, 16);
    if (failure != std::errc() || end != text.data() + 3 || value == 0) {
      return false;
    }
    *plain += static_cast<char>(value);
    text.remove_prefix(3);
  }
  return true;
}

void MakeDirectories(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    ::mkdir(path.substr(0, slash).c_str(), 0755);
  }
  ::mkdir(path.c_str(), 0755);
}

}  // namespace

std::optional<MountMode> ParseMountMode(std::string_view text) {
  if (text == "ro") {
    return MountMode::kReadOnly;
  }
  if (text == "rw") {
    return MountMode::kShared;
  }
  if (text == "exclusive") {
    return MountMode::kExclusive;
  }
  return std::nullopt;
}

std::vector<HostMount> ParseHostMounts(std::string_view command_line, std::string* error) {
  std::vector<HostMount> mounts;
  for (const std::string_view word : Words(command_line, "vmtest.mount")) {
    const size_t tag_end = word.find(':');
    const size_t mode_end =
        tag_end == std::string_view::npos ? tag_end : word.find(':', tag_end + 1);
    HostMount mount;
    bool good = mode_end != std::string_view::npos && tag_end > 0;
    if (good) {
      mount.tag = word.substr(0, tag_end);
      const auto mode = ParseMountMode(word.substr(tag_end + 1, mode_end - tag_end - 1));
      mount.mode = mode.value_or(MountMode::kReadOnly);
      good =
          mode && Unescape(word.substr(mode_end + 1), &mount.path) && mount.path.starts_with('/');
    }
    if (!good) {
      *error = "vmtest.mount=" + std::string(word) + ": not TAG:ro|rw|exclusive:/PATH";
      return {};
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::string MountTag(const std::string& tag, const std::string& target, MountMode mode) {
  const unsigned long flags = mode == MountMode::kReadOnly ? MS_RDONLY : 0;
  const char* const options = mode == MountMode::kShared ? kShared : kCached;
  if (::mount(tag.c_str(), target.c_str(), "9p", flags, options) == 0) {
    return "";
  }
  return "mount the host's directory " + tag + " on " + target + ": " + ::strerror(errno);
}

std::string MountHostDirectories(const std::vector<HostMount>& mounts) {
  for (const HostMount& mount : mounts) {
    MakeDirectories(mount.path);
    if (std::string why = MountTag(mount.tag, mount.path, mount.mode); !why.empty()) {
      return why;
    }
  }
  return "";
}

}  // namespace vmtest::agent
