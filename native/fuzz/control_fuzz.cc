// Control packets: any bytes, with up to 63 descriptors, are parsed or refused; none may leak.
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "control/requests.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmtest;
  if (size == 0) {
    return 0;
  }
  std::vector<UniqueFd> descriptors;
  std::vector<int> raw;
  for (int i = 0; i < data[0] % 4; ++i) {
    descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw.push_back(descriptors.back().get());
  }
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data + 1)),
                              size - 1);
  {
    const auto request = ParseRequest(text, std::move(descriptors));
    if (request && std::holds_alternative<ConfigureRequest>(request->command)) {
      const GuestConfig& config = std::get<ConfigureRequest>(request->command).config;
      VMTEST_CHECK(config.cpus >= 1 && config.cpus <= kMaxCpus);
      VMTEST_CHECK(config.memory_mib >= kMinMemoryMib && config.memory_mib <= kMaxMemoryMib);
      VMTEST_CHECK(config.kernel.valid());
      VMTEST_CHECK(config.disks.size() <= kMaxDisks);
    }
  }
  for (const int fd : raw) {
    VMTEST_CHECK(::fcntl(fd, F_GETFD) < 0);
  }
  return 0;
}
