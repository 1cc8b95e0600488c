#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "boot/kernel_loader.h"
#include "boot/setup_header.h"
#include "boot/test_images.h"

namespace vmtest {
namespace {

using test_images::BuildBzImage;
using test_images::Bytes;
using test_images::BzImageSpec;
using test_images::MakeFile;
using test_images::MakeMemory;
using test_images::Poke;
using testing::HasSubstr;

Result<LoadedKernel> Load(const Bytes& image, const GuestMemory& memory) {
  return LoadX86Kernel(MakeFile(image), memory);
}

TEST(BzImageLoader, PlacesTheProtectedModeKernelAtItsPreferredAddress) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  Bytes image = BuildBzImage({});
  image.resize(image.size() + 100, 0x99);  // a signature is not part of the kernel
  const auto kernel = Load(image, memory);
  ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
  EXPECT_EQ(kernel->protocol, EntryProtocol::kLinux64);
  EXPECT_EQ(kernel->entry, 0x1000200U);
  EXPECT_EQ(kernel->range.start, 0x1000000U);
  EXPECT_EQ(kernel->range.end, 0x1010000U);
  EXPECT_EQ(kernel->initrd_limit, 0x80000000U);
  EXPECT_EQ(kernel->cmdline_max, 2047U);
  EXPECT_EQ(memory.Read<uint8_t>(0xffffff), 0);
  EXPECT_EQ(memory.Read<uint8_t>(0x1000000), 0xb2);
  EXPECT_EQ(memory.Read<uint8_t>(0x1000fff), 0xb2);
  EXPECT_EQ(memory.Read<uint8_t>(0x1001000), 0);
}

TEST(BzImageLoader, KeepsTheSetupHeaderUpToItsLength) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  Bytes image = BuildBzImage({});
  auto kernel = Load(image, memory);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->setup_header,
            Bytes(image.begin() + setup::kHeader, image.begin() + 0x202 + 0x6a));
  // A length that runs into the rest of the zero page is cut there.
  Poke<uint8_t>(image, setup::kHeaderLength, 0xff);
  kernel = Load(image, memory);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->setup_header.size(), setup::kHeaderEnd - setup::kHeader);
}

TEST(BzImageLoader, ZeroSetupSectorsMeanFour) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  Bytes image = BuildBzImage({.setup_sects = 4});
  Poke<uint8_t>(image, setup::kSetupSects, 0);
  ASSERT_TRUE(Load(image, memory).has_value());
  EXPECT_EQ(memory.Read<uint8_t>(0x1000000), 0xb2);
}

TEST(BzImageLoader, RangeCoversWhereTheKernelUnpacksItself) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  // Relocatable, and its alignment moves it up from 17 MiB to 18 MiB.
  Bytes image = BuildBzImage({.pref_address = 17 * kMiB});
  auto kernel = Load(image, memory);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->range.start, 17 * kMiB);
  EXPECT_EQ(kernel->range.end, 18 * kMiB + 0x10000);
  Poke<uint8_t>(image, setup::kRelocatableKernel, 0);
  kernel = Load(image, memory);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->range.end, 17 * kMiB + 0x10000);
  // The file itself is larger than what it says it needs.
  kernel = Load(BuildBzImage({.init_size = 0x100}), memory);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->range.end, 0x1001000U);
}

TEST(BzImageLoader, KernelsThatLoadAbove4GiBTakeTheInitrdAnywhere) {
  const auto kernel = Load(BuildBzImage({.xloadflags = 0x3}), MakeMemory(64 * kMiB));
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->initrd_limit, 4 * kGiB);
}

struct Malformed {
  const char* message;
  void (*spoil)(Bytes&);
};

const Malformed kMalformed[] = {
    {"is truncated: it ends inside the setup header", [](Bytes& b) { b.resize(0x28f); }},
    {"is truncated: it should have 6144 bytes and has 6143", [](Bytes& b) { b.pop_back(); }},
    {"is truncated: it should have 6144 bytes and has 2048", [](Bytes& b) { b.resize(2048); }},
    {"is truncated: it should have 68719478768",
     [](Bytes& b) { Poke<uint32_t>(b, setup::kSyssize, UINT32_MAX); }},
    {"it holds no kernel", [](Bytes& b) { Poke<uint32_t>(b, setup::kSyssize, 0); }},
    {"it holds no kernel", [](Bytes& b) { Poke<uint32_t>(b, setup::kSyssize, 32); }},
    {"its setup header is damaged", [](Bytes& b) { Poke<uint16_t>(b, setup::kBootFlag, 0); }},
    {"is an EFI program", [](Bytes& b) { Poke<uint32_t>(b, setup::kMagic, 0); }},
    {"speaks boot protocol 2.11; 2.12 is needed (Linux 3.8)",
     [](Bytes& b) { Poke<uint16_t>(b, setup::kVersion, 0x020b); }},
    {"speaks boot protocol 0.00", [](Bytes& b) { Poke<uint16_t>(b, setup::kVersion, 0); }},
    {"is a zImage", [](Bytes& b) { Poke<uint8_t>(b, setup::kLoadflags, 0); }},
    {"is built for 32-bit x86; this engine runs x86_64",
     [](Bytes& b) { Poke<uint16_t>(b, setup::kXloadflags, 0); }},
    {"alignment 0x0", [](Bytes& b) { Poke<uint32_t>(b, setup::kKernelAlignment, 0); }},
    {"alignment 0x3000", [](Bytes& b) { Poke<uint32_t>(b, setup::kKernelAlignment, 0x3000); }},
    {"preferred address 0xffffffffffffffff",
     [](Bytes& b) { Poke<uint64_t>(b, setup::kPrefAddress, UINT64_MAX); }},
    {"wants to lie at 0x0, below 1 MiB",
     [](Bytes& b) { Poke<uint64_t>(b, setup::kPrefAddress, 0); }},
    {"kernels start below 4 GiB",
     [](Bytes& b) { Poke<uint64_t>(b, setup::kPrefAddress, 4 * kGiB); }},
};

TEST(BzImageLoader, RefusesMalformedImages) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  for (const Malformed& test : kMalformed) {
    Bytes image = BuildBzImage({});
    test.spoil(image);
    const auto kernel = Load(image, memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_EQ(kernel.error().code, ErrorCode::kBadImage) << kernel.error().message;
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
  }
}

TEST(BzImageLoader, SaysHowMuchMemoryTheKernelNeeds) {
  const Bytes image = BuildBzImage({.init_size = 0x3378000});
  auto kernel = Load(image, MakeMemory(64 * kMiB));
  ASSERT_FALSE(kernel.has_value());
  EXPECT_EQ(kernel.error().code, ErrorCode::kDoesNotFit);
  EXPECT_EQ(kernel.error().message,
            "the kernel needs 67.5 MiB of guest memory to start in (0x1000000-0x4378000); this "
            "guest has 64 MiB");
  EXPECT_TRUE(Load(image, MakeMemory(68 * kMiB)).has_value());

  kernel = Load(BuildBzImage({.init_size = UINT32_MAX}), MakeMemory(5 * kGiB));
  ASSERT_FALSE(kernel.has_value());
  EXPECT_THAT(kernel.error().message, HasSubstr("kernels start below 4 GiB"));
}

}  // namespace
}  // namespace vmtest
