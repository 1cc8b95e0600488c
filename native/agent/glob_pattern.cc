#include "agent/glob_pattern.h"

#include <fnmatch.h>

namespace vmtest::agent {
namespace {

// A bracket that is never closed stands for itself; fnmatch(3) knows that, so it need not be known
// here: such a component only costs a look into its directory.
bool IsMagic(std::string_view component) {
  for (size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '\\') {
      ++i;
    } else if (component[i] == '*' || component[i] == '?' || component[i] == '[') {
      return true;
    }
  }
  return false;
}

std::string Unquote(std::string_view component) {
  std::string name;
  for (size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '\\' && i + 1 < component.size()) {
      ++i;
    }
    name.push_back(component[i]);
  }
  return name;
}

}  // namespace

GlobPattern ParsePattern(std::string_view pattern) {
  GlobPattern parsed;
  parsed.only_directories = !pattern.empty() && pattern.back() == '/';
  while (!pattern.empty()) {
    const size_t slash = pattern.find('/');
    const std::string_view component = pattern.substr(0, slash);
    pattern.remove_prefix(slash == std::string_view::npos ? pattern.size() : slash + 1);
    if (component.empty()) {
      continue;
    }
    const bool magic = IsMagic(component);
    parsed.parts.push_back({magic ? std::string(component) : Unquote(component), magic});
  }
  return parsed;
}

bool FitsPart(const GlobPart& part, const char* name) {
  const std::string_view text(name);
  if (text == "." || text == "..") {
    return false;
  }
  return part.magic ? ::fnmatch(part.text.c_str(), name, FNM_PERIOD) == 0 : part.text == text;
}

}  // namespace vmtest::agent
