#include "memory/guest_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <bit>

#include "base/unique_fd.h"

namespace vmtest {
namespace {

constexpr uint64_t kPage = 4096;

class GuestMemoryTest : public ::testing::Test {
 protected:
  // A hole between the two regions, as on every x86 machine with more than 3 GiB.
  GuestMemory memory_ = GuestMemory::Create(std::array<GuestMemory::Range, 2>{
                                                {{0, 4 * kPage}, {8 * kPage, 2 * kPage}}})
                            .value();
};

TEST_F(GuestMemoryTest, ReadsBackInBothRegions) {
  EXPECT_TRUE(memory_.Write<uint64_t>(16, 0x1122334455667788));
  EXPECT_EQ(memory_.Read<uint64_t>(16), 0x1122334455667788);
  EXPECT_TRUE(memory_.Write<uint32_t>(10 * kPage - 4, 7));
  EXPECT_EQ(memory_.LoadAcquire<uint32_t>(10 * kPage - 4), 7u);
  EXPECT_EQ(memory_.size(), 6 * kPage);
}

TEST(GuestMemoryAlignmentTest, KvmCanMapHugePages) {
  constexpr uint64_t kHuge = 2 * kMiB;
  const auto memory = GuestMemory::Create(std::array<GuestMemory::Range, 3>{
      {{0, 8 * kMiB}, {16 * kMiB + 5 * kPage, kHuge}, {4 * kGiB, 3 * kMiB}}});
  ASSERT_TRUE(memory.has_value());
  for (const MemoryRegion& region : memory->regions()) {
    EXPECT_EQ(region.start % kHuge, std::bit_cast<uintptr_t>(region.host) % kHuge) << region.start;
    EXPECT_TRUE(memory->Write<uint8_t>(region.start, 1));
    EXPECT_TRUE(memory->Write<uint8_t>(region.end() - 1, 1));
  }
}

TEST_F(GuestMemoryTest, RefusesWhatIsNotWhollyInside) {
  struct Case {
    GuestAddress address;
    uint64_t size;
    bool inside;
  };
  const Case cases[] = {
      {0, 4 * kPage, true},           {0, 4 * kPage + 1, false},
      {4 * kPage - 1, 1, true},       {4 * kPage - 1, 2, false},
      {5 * kPage, 1, false},          {7 * kPage + 4095, 2, false},
      {8 * kPage, 2 * kPage, true},   {10 * kPage, 1, false},
      {UINT64_MAX, 1, false},         {UINT64_MAX - 7, 8, false},
      {8, UINT64_MAX, false},         {8, UINT64_MAX - 7, false},
      {8 * kPage, UINT64_MAX, false}, {0, 0, true},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(memory_.Contains(c.address, c.size), c.inside) << c.address << " + " << c.size;
    EXPECT_EQ(memory_.Bytes(c.address, c.size).has_value(), c.inside);
  }
}

TEST_F(GuestMemoryTest, ARefusedWriteWritesNothing) {
  ASSERT_TRUE(memory_.Write<uint32_t>(4 * kPage - 4, 0));
  EXPECT_FALSE(memory_.Write<uint64_t>(4 * kPage - 4, UINT64_MAX));
  EXPECT_EQ(memory_.Read<uint32_t>(4 * kPage - 4), 0u);
}

TEST_F(GuestMemoryTest, NothingIsCopiedToAndFromNowhere) {
  EXPECT_TRUE(memory_.ReadBytes(0, {}));
  EXPECT_TRUE(memory_.WriteBytes(0, {}));
  EXPECT_FALSE(memory_.WriteBytes(5 * kPage, {}));
}

TEST_F(GuestMemoryTest, MisalignedIndexIsOutside) {
  EXPECT_FALSE(memory_.LoadAcquire<uint16_t>(1).has_value());
  EXPECT_FALSE(memory_.StoreRelease<uint16_t>(3, 1));
}

TEST(GuestMemoryMapTest, SharesAFileThatCannotShrink) {
  const UniqueFd file(::memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(file.get(), 4 * kPage), 0);
  const std::array<GuestMemory::FileRange, 2> ranges{
      {{.start = 8 * kPage, .size = kPage, .file = file.get(), .offset = 3 * kPage},
       {.start = 0, .size = 2 * kPage, .file = file.get(), .offset = 0}}};
  EXPECT_EQ(GuestMemory::Map(ranges).error().code, ErrorCode::kUnsupported) << "not sealed";
  ASSERT_EQ(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  const auto memory = GuestMemory::Map(ranges);
  ASSERT_TRUE(memory.has_value()) << memory.error().message;
  EXPECT_TRUE(memory->Write<uint32_t>(8 * kPage, 0x1234));
  uint32_t in_file = 0;
  ASSERT_EQ(::pread(file.get(), &in_file, sizeof(in_file), 3 * kPage), ssize_t{sizeof(in_file)});
  EXPECT_EQ(in_file, 0x1234u);
  EXPECT_EQ(memory->size(), 3 * kPage);
  EXPECT_FALSE(memory->Contains(2 * kPage, 1));
  EXPECT_EQ(GuestMemory::Map({})->size(), 0u);
}

}  // namespace
}  // namespace vmtest
