#include "boot/initrd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "boot/test_images.h"
#include "boot/x86_layout.h"

namespace vmtest {
namespace {

using test_images::Bytes;
using test_images::MakeFile;
using test_images::MakeMemory;
using test_images::MakeSparseFile;

LoadedKernel Kernel(AddressRange range, GuestAddress initrd_limit = x86::kMmioHoleEnd) {
  return {.protocol = EntryProtocol::kLinux64,
          .entry = range.start,
          .range = range,
          .initrd_floor = x86::kHighMemory,
          .initrd_limit = initrd_limit,
          .cmdline_max = 2047,
          .setup_header = {}};
}

constexpr AddressRange kUsual = {16 * kMiB, 64 * kMiB};

TEST(Initrd, LiesAtTheTopOfMemory) {
  const GuestMemory memory = MakeMemory(128 * kMiB);
  Bytes contents(5000, 0x5a);
  contents.back() = 0xa5;
  const auto initrd = LoadInitrd(MakeFile(contents), Kernel(kUsual), memory);
  ASSERT_TRUE(initrd.has_value()) << initrd.error().message;
  EXPECT_EQ(initrd->start, 128 * kMiB - 2 * 4096);
  EXPECT_EQ(initrd->size(), 5000U);
  EXPECT_EQ(memory.Read<uint8_t>(initrd->start), 0x5a);
  EXPECT_EQ(memory.Read<uint8_t>(initrd->end - 1), 0xa5);
  EXPECT_EQ(memory.Read<uint8_t>(initrd->end), 0);
}

TEST(Initrd, PlacesInEveryShapeOfMemory) {
  struct Case {
    const char* name;
    uint64_t memory;
    AddressRange kernel;
    GuestAddress limit;
    uint64_t size;
    GuestAddress start;
  };
  const Case cases[] = {
      {"below the hole", 5 * kGiB, kUsual, 4 * kGiB, kMiB, 3 * kGiB - kMiB},
      {"at the kernel's limit", 5 * kGiB, kUsual, 0x80000000, kMiB, 0x80000000 - kMiB},
      {"at an odd limit", 5 * kGiB, kUsual, 0x7fffffff, kMiB, 0x7ffff000 - kMiB},
      {"exactly above the kernel", 65 * kMiB, kUsual, 4 * kGiB, kMiB, 64 * kMiB},
      {"below the kernel", 64 * kMiB, kUsual, 4 * kGiB, kMiB, 15 * kMiB},
      {"exactly below the kernel", 64 * kMiB, kUsual, 4 * kGiB, 15 * kMiB, kMiB},
      {"below a kernel at the top",
       128 * kMiB,
       {127 * kMiB, 128 * kMiB},
       4 * kGiB,
       kMiB,
       126 * kMiB},
  };
  for (const Case& test : cases) {
    const auto initrd = LoadInitrd(MakeSparseFile(test.size), Kernel(test.kernel, test.limit),
                                   MakeMemory(test.memory));
    ASSERT_TRUE(initrd.has_value()) << test.name << ": " << initrd.error().message;
    EXPECT_EQ(initrd->start, test.start) << test.name;
    EXPECT_EQ(initrd->size(), test.size) << test.name;
  }
}

TEST(Initrd, SaysWhatDoesNotFitWhere) {
  struct Case {
    uint64_t memory;
    GuestAddress limit;
    uint64_t size;
    const char* message;
  };
  const Case cases[] = {
      {128 * kMiB, 4 * kGiB, 300 * kMiB,
       "an initrd of 300 MiB does not fit in 128 MiB of guest memory beside the kernel"},
      {128 * kMiB, 4 * kGiB, 64 * kMiB + 1,
       "an initrd of 64.1 MiB does not fit in 128 MiB of guest memory beside the kernel"},
      {64 * kMiB, 4 * kGiB, 15 * kMiB + 1,
       "an initrd of 15.1 MiB does not fit in 64 MiB of guest memory beside the kernel"},
      {5 * kGiB, 4 * kGiB, 3 * kGiB,
       "an initrd of 3072 MiB does not fit in 3072 MiB of guest memory below 0x100000000 beside "
       "the kernel"},
      {256 * kMiB, 128 * kMiB, 100 * kMiB,
       "an initrd of 100 MiB does not fit in 128 MiB of guest memory below 0x8000000 beside the "
       "kernel"},
      {128 * kMiB, 0, 1,
       "an initrd of 1 B does not fit in 0 B of guest memory below 0x0 beside "
       "the kernel"},
      {128 * kMiB, 4 * kGiB, 1ULL << 60,
       "an initrd of 1099511627776 MiB does not fit in 128 MiB of guest memory beside the kernel"},
  };
  for (const Case& test : cases) {
    const auto initrd =
        LoadInitrd(MakeSparseFile(test.size), Kernel(kUsual, test.limit), MakeMemory(test.memory));
    ASSERT_FALSE(initrd.has_value()) << test.message;
    EXPECT_EQ(initrd.error().code, ErrorCode::kDoesNotFit);
    EXPECT_EQ(initrd.error().message, test.message);
  }
}

TEST(Initrd, RefusesAnEmptyFile) {
  const auto initrd = LoadInitrd(MakeFile({}), Kernel(kUsual), MakeMemory(128 * kMiB));
  ASSERT_FALSE(initrd.has_value());
  EXPECT_EQ(initrd.error().code, ErrorCode::kBadImage);
  EXPECT_EQ(initrd.error().message, "the initrd is an empty file");
}

}  // namespace
}  // namespace vmtest
