// What the host asks for on the kernel's command line: words NAME=VALUE.
#pragma once

#include <string_view>
#include <vector>

namespace vmtest::agent {

// The values of all words with this name, in their order.
std::vector<std::string_view> Words(std::string_view line, std::string_view name);

// The value of the last of them, as the kernel counts; empty without one.
std::string_view Word(std::string_view line, std::string_view name);

}  // namespace vmtest::agent
