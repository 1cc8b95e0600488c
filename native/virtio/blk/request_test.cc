// A table of what a driver may send, and of what it may not.
#include "virtio/blk/request.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "testing/driver_queue.h"

namespace vmtest {
namespace {

constexpr uint64_t kSize = 64 * 512;

struct Header {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};
struct Range {
  uint64_t sector;
  uint32_t sectors;
  uint32_t flags;
};

constexpr uint32_t kIn = 0;
constexpr uint32_t kOut = 1;
constexpr uint32_t kFlush = 4;
constexpr uint32_t kGetId = 8;
constexpr uint32_t kDiscard = 11;
constexpr uint32_t kWriteZeroes = 13;

class BlkRequestTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(queue_.Enable(memory_, driver_.config())); }

  tl::expected<BlkRequest, BlkStatus> Parse(const std::function<void(ChainBuilder&)>& build,
                                            bool read_only = false) {
    ChainBuilder builder = driver_.Chain();
    build(builder);
    builder.Publish();
    const auto chain = queue_.Pop();
    EXPECT_TRUE(chain.has_value() && chain->has_value());
    auto request = ParseBlkRequest(**chain, {.size = kSize, .read_only = read_only});
    queue_.Push(**chain, 0);
    driver_.TakeAllUsed();
    return request;
  }
  tl::expected<BlkRequest, BlkStatus> ParseRanges(uint32_t type, const std::vector<Range>& ranges) {
    return Parse([&](ChainBuilder& c) {
      c.Readable(Header{type, 0, 0});
      if (!ranges.empty()) {
        c.Readable(std::span(static_cast<const uint8_t*>(static_cast<const void*>(ranges.data())),
                             ranges.size() * sizeof(Range)));
      }
      c.Writable(1);
    });
  }

  GuestMemory memory_ = GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0, kMiB}}}).value();
  DriverQueue driver_{memory_, 0, kMiB, {.size = 64}};
  Queue queue_;
};

std::vector<uint8_t> Bytes(size_t count) { return std::vector<uint8_t>(count, 0x5A); }

TEST_F(BlkRequestTest, Transfers) {
  const auto read =
      Parse([](ChainBuilder& c) { c.Readable(Header{kIn, 0, 3}).Writable(1024).Writable(1); });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->type, BlkRequest::Type::kRead);
  EXPECT_EQ(read->offset, 3u * 512);
  EXPECT_EQ(read->length, 1024u);
  const auto write = Parse(
      [](ChainBuilder& c) { c.Readable(Header{kOut, 0, 63}).Readable(Bytes(512)).Writable(1); });
  ASSERT_TRUE(write.has_value());
  EXPECT_EQ(write->type, BlkRequest::Type::kWrite);
  EXPECT_EQ(write->offset, 63u * 512);
  EXPECT_EQ(write->length, 512u);
}

// 2.7.4.3: a device must not assume anything about how a request is cut into descriptors.
TEST_F(BlkRequestTest, AnyLayoutWillDo) {
  const auto request = Parse([](ChainBuilder& c) {
    std::array<uint8_t, 16 + 512> all{};
    all[0] = kOut;
    all[8] = 5;
    c.Readable(std::span(all).first(3)).Readable(std::span(all).subspan(3, 7));
    c.Readable(std::span(all).subspan(10)).Writable(1);
  });
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->offset, 5u * 512);
  EXPECT_EQ(request->length, 512u);
  const auto read = Parse([](ChainBuilder& c) { c.Readable(Header{kIn, 0, 0}).Writable(513); });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->length, 512u);
}

TEST_F(BlkRequestTest, FlushAndSerial) {
  const auto flush =
      Parse([](ChainBuilder& c) { c.Readable(Header{kFlush, 0, 0}).Writable(1); }, true);
  ASSERT_TRUE(flush.has_value());
  EXPECT_EQ(flush->type, BlkRequest::Type::kFlush);
  const auto id =
      Parse([](ChainBuilder& c) { c.Readable(Header{kGetId, 0, 0}).Writable(20).Writable(1); });
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->type, BlkRequest::Type::kGetId);
}

TEST_F(BlkRequestTest, Ranges) {
  const auto discard = ParseRanges(kDiscard, {{0, 8, 0}, {56, 8, 0}});
  ASSERT_TRUE(discard.has_value());
  ASSERT_EQ(discard->ranges.size(), 2u);
  EXPECT_EQ(discard->ranges[1].offset, 56u * 512);
  EXPECT_EQ(discard->ranges[1].length, 8u * 512);
  const auto zeroes = ParseRanges(kWriteZeroes, {{1, 2, 1}, {3, 4, 0}});
  ASSERT_TRUE(zeroes.has_value());
  EXPECT_TRUE(zeroes->ranges[0].unmap);
  EXPECT_FALSE(zeroes->ranges[1].unmap);
  EXPECT_TRUE(ParseRanges(kDiscard, std::vector<Range>(kBlkMaxRanges, {1, 1, 0})).has_value());
}

TEST_F(BlkRequestTest, MalformedRequestsGetAStatus) {
  struct Case {
    const char* name;
    BlkStatus status;
    std::function<void(ChainBuilder&)> build;
  };
  const Case cases[] = {
      {"no header", BlkStatus::kIoError, [](ChainBuilder& c) { c.Writable(1); }},
      {"short header", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Bytes(15)).Writable(1); }},
      {"no status", BlkStatus::kIoError, [](ChainBuilder& c) { c.Readable(Header{kIn, 0, 0}); }},
      {"unknown type", BlkStatus::kUnsupported,
       [](ChainBuilder& c) { c.Readable(Header{2, 0, 0}).Writable(1); }},
      {"type all ones", BlkStatus::kUnsupported,
       [](ChainBuilder& c) { c.Readable(Header{UINT32_MAX, 0, 0}).Writable(1); }},
      {"secure erase", BlkStatus::kUnsupported,
       [](ChainBuilder& c) { c.Readable(Header{14, 0, 0}).Readable(Bytes(16)).Writable(1); }},
      {"read of part of a sector", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kIn, 0, 0}).Writable(511).Writable(1); }},
      {"write of part of a sector", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kOut, 0, 0}).Readable(Bytes(100)).Writable(1); }},
      {"read past the end", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kIn, 0, 64}).Writable(512).Writable(1); }},
      {"read over the end", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kIn, 0, 63}).Writable(1024).Writable(1); }},
      {"sector whose offset wraps to zero", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kIn, 0, 1ull << 55}).Writable(512).Writable(1); }},
      {"sector all ones", BlkStatus::kIoError,
       [](ChainBuilder& c) {
         c.Readable(Header{kOut, 0, UINT64_MAX}).Readable(Bytes(512)).Writable(1);
       }},
      {"serial without room", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kGetId, 0, 0}).Writable(19).Writable(1); }},
      {"discard of nothing", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kDiscard, 0, 0}).Writable(1); }},
      {"half a range", BlkStatus::kIoError,
       [](ChainBuilder& c) { c.Readable(Header{kDiscard, 0, 0}).Readable(Bytes(24)).Writable(1); }},
  };
  for (const Case& c : cases) {
    const auto request = Parse(c.build);
    ASSERT_FALSE(request.has_value()) << c.name;
    EXPECT_EQ(request.error(), c.status) << c.name;
  }
}

TEST_F(BlkRequestTest, MalformedRangesGetAStatus) {
  struct Case {
    uint32_t type;
    Range range;
    BlkStatus status;
  };
  const Case cases[] = {
      {kDiscard, {64, 1, 0}, BlkStatus::kIoError},
      {kDiscard, {63, 2, 0}, BlkStatus::kIoError},
      {kDiscard, {UINT64_MAX, 1, 0}, BlkStatus::kIoError},
      {kDiscard, {uint64_t{1} << 55, 1, 0}, BlkStatus::kIoError},
      {kDiscard, {0, UINT32_MAX, 0}, BlkStatus::kIoError},
      {kDiscard, {0, 1, 1}, BlkStatus::kUnsupported},  // 5.2.6.2: unmap is for write-zeroes
      {kDiscard, {0, 1, 2}, BlkStatus::kUnsupported},
      {kWriteZeroes, {0, 65, 1}, BlkStatus::kIoError},
      {kWriteZeroes, {0, 1, 0x80000001}, BlkStatus::kUnsupported},
  };
  for (const Case& c : cases) {
    const auto request = ParseRanges(c.type, {{0, 1, 0}, c.range});
    ASSERT_FALSE(request.has_value()) << c.type << " " << c.range.sector;
    EXPECT_EQ(request.error(), c.status) << c.type << " " << c.range.sector;
  }
  EXPECT_FALSE(ParseRanges(kDiscard, std::vector<Range>(kBlkMaxRanges + 1, {1, 1, 0})).has_value());
}

TEST_F(BlkRequestTest, AReadOnlyDiskRefusesEveryWrite) {
  const std::function<void(ChainBuilder&)> writes[] = {
      [](ChainBuilder& c) { c.Readable(Header{kOut, 0, 0}).Readable(Bytes(512)).Writable(1); },
      [](ChainBuilder& c) {
        c.Readable(Header{kDiscard, 0, 0}).Readable(Range{0, 1, 0}).Writable(1);
      },
      [](ChainBuilder& c) {
        c.Readable(Header{kWriteZeroes, 0, 0}).Readable(Range{0, 1, 0}).Writable(1);
      },
  };
  for (const auto& build : writes) {
    EXPECT_TRUE(Parse(build).has_value());
    const auto refused = Parse(build, true);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error(), BlkStatus::kIoError);
  }
}

}  // namespace
}  // namespace vmtest
