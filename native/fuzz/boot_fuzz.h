// What the fuzzers of the kernel loaders share: how bytes become an image, and what must be true of
// a kernel that was accepted.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"
#include "boot/initrd.h"
#include "boot/kernel_loader.h"
#include "boot/test_images.h"
#include "boot/x86_boot_params.h"
#include "boot/x86_layout.h"

namespace vmtest::fuzz {

// An even first byte: the rest is the image. An odd one: the rest are patches to `base`, each a
// 16-bit offset, a length of 1 to 8 and that many bytes, so that the fuzzer gets past the magic
// numbers without a corpus.
inline test_images::Bytes MakeImage(std::span<const uint8_t> input, test_images::Bytes base) {
  if (input.empty() || input[0] % 2 == 0) {
    return {input.begin(), input.end()};
  }
  input = input.subspan(1);
  while (input.size() >= 4) {
    const size_t offset = (input[0] | (static_cast<size_t>(input[1]) << 8)) % base.size();
    const size_t length = 1 + input[2] % 8;
    input = input.subspan(3);
    for (size_t i = 0; i < length && i < input.size() && offset + i < base.size(); ++i) {
      base[offset + i] = input[i];
    }
    input = input.subspan(std::min(length, input.size()));
  }
  return base;
}

// Loads the image and an initrd into a guest of 32 MiB and checks what no image may break.
inline void LoadAndCheck(const test_images::Bytes& image) {
  const GuestMemory memory = test_images::MakeMemory(32 * kMiB);
  const auto kernel = LoadX86Kernel(test_images::MakeFile(image), memory);
  if (!kernel.has_value()) {
    VMTEST_CHECK(!kernel.error().message.empty());
    return;
  }
  VMTEST_CHECK(kernel->range.start >= x86::kHighMemory);
  VMTEST_CHECK(memory.Contains(kernel->range.start, kernel->range.size()));
  VMTEST_CHECK(kernel->entry >= kernel->range.start && kernel->entry < kernel->range.end);
  // Nothing below 1 MiB was touched: it is one long run of the same byte, and that is zero.
  const auto low = memory.Bytes(0, x86::kHighMemory);
  VMTEST_CHECK(low.has_value() && low->front() == 0 &&
               std::memcmp(low->data(), low->data() + 1, low->size() - 1) == 0);

  const auto initrd =
      LoadInitrd(test_images::MakeFile(std::array<uint8_t, 5000>{1, 2, 3}), *kernel, memory);
  BootConfig config = {.cmdline = "console=ttyS0", .rsdp = x86::kAcpiTables};
  if (initrd.has_value()) {
    VMTEST_CHECK(!initrd->Overlaps(kernel->range));
    VMTEST_CHECK(initrd->start >= x86::kHighMemory && initrd->end <= kernel->initrd_limit);
    VMTEST_CHECK(memory.Contains(initrd->start, initrd->size()));
    config.initrd = *initrd;
  }
  const auto plan = WriteBootParameters(*kernel, config, memory);
  VMTEST_CHECK(plan.has_value() || kernel->cmdline_max < config.cmdline.size());
}

}  // namespace vmtest::fuzz
