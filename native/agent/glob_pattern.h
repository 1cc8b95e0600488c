// The host's patterns, cut into components. Pure: what is matched against them is found in glob.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmtest::agent {

// One component of a pattern.
struct GlobPart {
  std::string text;  // for fnmatch(3) when `magic`, else the name itself, its quotes removed
  bool magic = false;
};

struct GlobPattern {
  std::vector<GlobPart> parts;    // never empty ones, never with a slash
  bool only_directories = false;  // it ends with a slash
};

// `pattern` is absolute.
GlobPattern ParsePattern(std::string_view pattern);

// Whether `name` in a directory fits. `.` and `..` fit nothing; a leading dot has to be written.
bool FitsPart(const GlobPart& part, const char* name);

}  // namespace vmtest::agent
