#include "fuzz/boot_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmtest::fuzz::LoadAndCheck(vmtest::fuzz::MakeImage(
      {data, size}, vmtest::test_images::BuildElf({.segments = {{0x1000000, 0x900, {1, 2, 3, 4}},
                                                                {0x1001000, 0x80, {5, 6, 7, 8}}},
                                                   .pvh_entry = 0x1000000})));
  return 0;
}
