#include "agent/command_line.h"

namespace vmtest::agent {

std::vector<std::string_view> Words(std::string_view line, std::string_view name) {
  std::vector<std::string_view> values;
  while (!line.empty()) {
    const size_t end = line.find_first_of(" \t\n");
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
      values.push_back(word.substr(name.size() + 1));
    }
  }
  return values;
}

std::string_view Word(std::string_view line, std::string_view name) {
  const std::vector<std::string_view> values = Words(line, name);
  return values.empty() ? std::string_view() : values.back();
}

}  // namespace vmtest::agent
