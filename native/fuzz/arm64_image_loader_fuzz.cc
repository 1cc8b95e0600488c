#include "boot/arm64_layout.h"
#include "fuzz/boot_fuzz.h"

namespace vmtest::fuzz {
namespace {

void LoadAndCheckArm64(const test_images::Bytes& image) {
  const GuestMemory memory = test_images::MakeArm64Memory(32 * kMiB);
  const auto kernel = LoadArm64Kernel(test_images::MakeFile(image), memory);
  if (!kernel.has_value()) {
    VMTEST_CHECK(!kernel.error().message.empty());
    return;
  }
  const AddressRange tree = {arm64::DeviceTreeAddress(memory),
                             arm64::DeviceTreeAddress(memory) + arm64::kDeviceTreeSize};
  VMTEST_CHECK(memory.Contains(kernel->range.start, kernel->range.size()));
  VMTEST_CHECK(memory.Contains(tree.start, tree.size()));
  VMTEST_CHECK(kernel->entry == kernel->range.start);
  VMTEST_CHECK(!kernel->range.Overlaps(tree));
  const auto initrd =
      LoadInitrd(test_images::MakeFile(std::array<uint8_t, 5000>{1, 2, 3}), *kernel, memory);
  if (initrd.has_value()) {
    VMTEST_CHECK(!initrd->Overlaps(kernel->range) && !initrd->Overlaps(tree));
    VMTEST_CHECK(memory.Contains(initrd->start, initrd->size()));
  }
}

}  // namespace
}  // namespace vmtest::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmtest;
  fuzz::LoadAndCheckArm64(fuzz::MakeImage({data, size}, test_images::BuildArm64Image({})));
  return 0;
}
