// Devices under any sequence of accesses, input and state.
//
// Each step takes: a byte that chooses device and action, a byte for offset and width, then data.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "devices/all_devices.h"
#include "fuzz/input.h"

namespace vmtest {
namespace {

void Step(AllDevices& devices, Input& input) {
  const uint8_t choice = input.Byte();
  const auto& entry = devices.entries()[(choice & 0x1f) % devices.entries().size()];
  const uint8_t where = input.Byte();
  const uint64_t offset = (uint64_t{where & 0x1fU} * (entry.bytewise ? 1 : 4)) % entry.size;
  const size_t width = where >> 5;
  switch (choice >> 5) {
    case 0:
    case 1:
    case 2: {
      std::vector<uint8_t> data(width);
      entry.device->Read(offset, data);
      break;
    }
    case 3: {
      const auto bytes = input.Take(width);
      VMTEST_CHECK(devices.serial().Receive(bytes) <= bytes.size());
      VMTEST_CHECK(devices.pl011().Receive(bytes) <= bytes.size());
      break;
    }
    case 4: {
      // What a device has saved, it must be able to load.
      StateWriter first;
      entry.device->Save(first);
      StateReader reader(first.bytes());
      entry.device->Load(reader);
      VMTEST_CHECK(reader.AtEnd());
      break;
    }
    case 5: {
      StateReader reader(input.Take(size_t{where} * 2));
      entry.device->Load(reader);
      break;
    }
    default:
      entry.device->Write(offset, input.Take(width));
      break;
  }
}

}  // namespace
}  // namespace vmtest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmtest::AllDevices devices;
  vmtest::Input input(std::span(data, size));
  while (!input.empty()) {
    vmtest::Step(devices, input);
  }
  return 0;
}
