// Users and groups, read from passwd(5) and group(5) directly: glibc's getpwnam needs NSS modules,
// which a static binary cannot load and a guest may not have.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmtest::agent {

struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary, with gid
  std::string name;           // empty when the number has no entry
  std::string home;
  std::string shell;
};

// `spec` is USER or USER:GROUP, each a name or a number. A number needs no entry; its group is then
// the same number. Supplementary groups come from `group`, except when GROUP is given.
// `passwd` and `group` are the contents of the files.
std::optional<Credentials> ResolveUser(std::string_view spec, std::string_view passwd,
                                       std::string_view group);

// The first MiB of a file, empty when it cannot be read.
std::string ReadSmallFile(const char* path);

}  // namespace vmtest::agent
