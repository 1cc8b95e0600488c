#include "addon/system_error.h"

#include <cstring>

namespace vmtest::addon {

std::string ErrnoName(int number) {
  const char* name = ::strerrorname_np(number);
  return name != nullptr ? name : std::to_string(number);
}

std::string Describe(const SystemError& error) {
  const char* text = ::strerrordesc_np(error.number);
  return std::string(text != nullptr ? text : "unknown error") + " (" + error.syscall + ": " +
         ErrnoName(error.number) + ")";
}

}  // namespace vmtest::addon
