#include "fuzz/boot_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmtest::fuzz::LoadAndCheck(
      vmtest::fuzz::MakeImage({data, size}, vmtest::test_images::BuildBzImage({.setup_sects = 1})));
  return 0;
}
