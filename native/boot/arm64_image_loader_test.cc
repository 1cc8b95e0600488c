// arm64 Images, and what only looks like one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "boot/arm64_layout.h"
#include "boot/initrd.h"
#include "boot/kernel_loader.h"
#include "boot/test_images.h"

namespace vmtest {
namespace {

using test_images::Arm64ImageSpec;
using test_images::BuildArm64Image;
using test_images::Bytes;
using test_images::MakeArm64Memory;
using test_images::MakeFile;
using test_images::Poke;
using testing::HasSubstr;

TEST(Arm64Image, LiesAtTheBeginningOfMemory) {
  const GuestMemory memory = MakeArm64Memory(128 * kMiB);
  const Bytes image = BuildArm64Image({.payload = Bytes(0x2000, 0xa6)});
  const auto kernel = LoadArm64Kernel(MakeFile(image), memory);
  ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
  EXPECT_EQ(kernel->protocol, EntryProtocol::kArm64);
  EXPECT_EQ(kernel->entry, arm64::kRam);
  EXPECT_EQ(kernel->range.start, arm64::kRam);
  EXPECT_EQ(kernel->range.size(), 0x10000U);
  EXPECT_EQ(kernel->page_size, 4096U);
  EXPECT_EQ(memory.Read<uint8_t>(arm64::kRam + 64), 0xa6);
  EXPECT_EQ(memory.Read<uint8_t>(arm64::kRam + image.size()), 0);
}

TEST(Arm64Image, TextOffsetMovesIt) {
  const GuestMemory memory = MakeArm64Memory(128 * kMiB);
  const auto kernel = LoadArm64Kernel(MakeFile(BuildArm64Image({.text_offset = 0x80000})), memory);
  ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
  EXPECT_EQ(kernel->entry, arm64::kRam + 0x80000);
}

TEST(Arm64Image, TellsItsPageSize) {
  const GuestMemory memory = MakeArm64Memory(128 * kMiB);
  const uint32_t sizes[] = {0, 4096, 16384, 65536};
  for (uint64_t field = 0; field < 4; ++field) {
    const auto kernel =
        LoadArm64Kernel(MakeFile(BuildArm64Image({.flags = (field << 1) | 8})), memory);
    ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
    EXPECT_EQ(kernel->page_size, sizes[field]);
  }
}

TEST(Arm64Image, LeavesRoomForTheInitrdAndTheDeviceTree) {
  // The device tree has the last 2 MiB, and lies within 32 GiB of the kernel.
  const GuestMemory small = MakeArm64Memory(65 * kMiB);
  EXPECT_EQ(arm64::DeviceTreeAddress(small), arm64::kRam + 62 * kMiB);
  const GuestMemory large = MakeArm64Memory(40 * kGiB);
  EXPECT_EQ(arm64::DeviceTreeAddress(large), arm64::kRam + 32 * kGiB - 2 * kMiB);

  const auto kernel = LoadArm64Kernel(MakeFile(BuildArm64Image({})), small);
  ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
  const auto initrd = LoadInitrd(MakeFile(Bytes(5000, 1)), *kernel, small);
  ASSERT_TRUE(initrd.has_value()) << initrd.error().message;
  EXPECT_EQ(initrd->start, arm64::kRam + 62 * kMiB - 2 * 4096);
}

struct Case {
  const char* message;
  std::function<Bytes()> image;
};

TEST(Arm64Image, RefusesWhatIsDamaged) {
  const GuestMemory memory = MakeArm64Memory(128 * kMiB);
  const auto with = [](size_t offset, uint64_t value) {
    return [=] {
      Bytes image = BuildArm64Image({});
      Poke(image, offset, value);
      return image;
    };
  };
  const Case cases[] = {
      {"is truncated: it ends inside its header",
       [] {
         Bytes image = BuildArm64Image({});
         image.resize(63);
         return image;
       }},
      {"is built big-endian", with(24, 1)},
      {"does not say how much memory it needs", with(16, 0)},
      {"is damaged: its header says 1 bytes", with(16, 1)},
      {"is damaged", with(16, UINT64_MAX)},
      {"is damaged", with(8, UINT64_MAX)},
      {"is damaged", with(8, UINT64_MAX - 0xffff)},
  };
  for (const Case& test : cases) {
    const auto kernel = LoadArm64Kernel(MakeFile(test.image()), memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_EQ(kernel.error().code, ErrorCode::kBadImage);
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
  }
}

TEST(Arm64Image, RefusesAGuestThatIsTooSmall) {
  const GuestMemory memory = MakeArm64Memory(64 * kMiB);
  for (const Arm64ImageSpec& spec :
       {Arm64ImageSpec{.image_size = 63 * kMiB}, Arm64ImageSpec{.text_offset = 1 * kGiB},
        Arm64ImageSpec{.image_size = 4 * kGiB}}) {
    const auto kernel = LoadArm64Kernel(MakeFile(BuildArm64Image(spec)), memory);
    ASSERT_FALSE(kernel.has_value());
    EXPECT_EQ(kernel.error().code, ErrorCode::kDoesNotFit);
    EXPECT_THAT(kernel.error().message, HasSubstr("this guest has 64 MiB"));
  }
}

TEST(Arm64Image, EachArchitectureNamesTheKernelsOfTheOther) {
  const GuestMemory arm = MakeArm64Memory(64 * kMiB);
  const GuestMemory x86 = test_images::MakeMemory(64 * kMiB);
  const auto message = [](const Result<LoadedKernel>& kernel) {
    return kernel.has_value() ? std::string() : kernel.error().message;
  };
  EXPECT_EQ(message(LoadArm64Kernel(MakeFile(test_images::BuildBzImage({})), arm)),
            "the kernel is an x86 bzImage; this engine runs aarch64");
  EXPECT_EQ(message(LoadArm64Kernel(MakeFile(test_images::BuildElf({})), arm)),
            "the kernel is an ELF file; aarch64 boots the Image that is built beside the vmlinux");
  EXPECT_EQ(message(LoadX86Kernel(MakeFile(BuildArm64Image({})), x86)),
            "the kernel is an aarch64 image; this engine runs x86_64");
}

}  // namespace
}  // namespace vmtest
