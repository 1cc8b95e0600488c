// The ordinary life of a queue, with a driver that keeps the rules.
#include "virtio/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <string>

#include "testing/driver_queue.h"

namespace vmtest {
namespace {

using ::testing::ElementsAre;

std::vector<uint8_t> Text(std::string_view text) { return {text.begin(), text.end()}; }

class QueueTest : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr uint16_t kSize = 8;

  void SetUp() override { ASSERT_TRUE(queue_.Enable(memory_, driver_.config())); }

  Chain MustPop() {
    auto popped = queue_.Pop();
    EXPECT_TRUE(popped.has_value() && popped->has_value());
    return popped->value();
  }

  GuestMemory memory_ =
      GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0, 256 * kKiB}}}).value();
  DriverQueue driver_{memory_, 0, 256 * kKiB, {.size = kSize, .event_index = GetParam()}};
  Queue queue_;
};

TEST_P(QueueTest, AnEmptyQueueGivesNothing) {
  EXPECT_FALSE(queue_.HasAvailable());
  EXPECT_FALSE(queue_.Pop().value().has_value());
  EXPECT_FALSE(queue_.ShouldSignal());
  EXPECT_EQ(queue_.popped(), 0u);
}

TEST_P(QueueTest, CarriesABufferThereAndBack) {
  const uint16_t head = driver_.Chain().Readable(Text("ping")).Writable(4).Writable(4).Publish();
  EXPECT_TRUE(queue_.HasAvailable());
  const Chain chain = MustPop();
  EXPECT_EQ(chain.head(), head);
  EXPECT_EQ(chain.readable_size(), 4u);
  EXPECT_EQ(chain.writable_size(), 8u);
  std::array<uint8_t, 16> in{};
  EXPECT_EQ(chain.CopyFrom(0, in), 4u);
  EXPECT_EQ(std::string(in.begin(), in.begin() + 4), "ping");
  EXPECT_EQ(chain.CopyTo(0, Text("pong!")), 5u);
  queue_.Push(chain, 5);
  const UsedBuffer used = driver_.TakeUsed().value();
  EXPECT_EQ(used.id, head);
  EXPECT_EQ(used.length, 5u);
  EXPECT_EQ(std::string(used.written().begin(), used.written().end()), "pong!");
  EXPECT_EQ(used.writable[5], 0xEE);  // what the device did not write is as it was
  EXPECT_EQ(queue_.popped(), 1u);
  EXPECT_EQ(queue_.pushed(), 1u);
}

TEST_P(QueueTest, WhatIsPlacedButNotPublishedIsNotThere) {
  driver_.Chain().Writable(1).Place();
  EXPECT_FALSE(queue_.HasAvailable());
  driver_.Publish();
  EXPECT_TRUE(queue_.HasAvailable());
}

TEST_P(QueueTest, BuffersMayComeBackInAnyOrder) {
  const uint16_t first = driver_.Chain().Writable(1).Publish();
  const uint16_t second = driver_.Chain().Writable(1).Publish();
  const Chain a = MustPop();
  const Chain b = MustPop();
  queue_.Push(b, 1);
  queue_.Push(a, 1);
  EXPECT_EQ(driver_.TakeUsed()->id, second);
  EXPECT_EQ(driver_.TakeUsed()->id, first);
}

TEST_P(QueueTest, UndoPopBringsTheSameBufferAgain) {
  const uint16_t head = driver_.Chain().Writable(1).Publish();
  MustPop();
  queue_.UndoPop();
  EXPECT_EQ(queue_.popped(), 0u);
  EXPECT_EQ(MustPop().head(), head);
}

TEST_P(QueueTest, IndirectTablesAloneAndAfterDirectDescriptors) {
  driver_.Chain().Indirect().Readable(Text("ab")).Readable(Text("cd")).Writable(3).Publish();
  driver_.Chain().Readable(Text("ef")).Indirect().Readable(Text("gh")).Writable(2).Publish();
  for (const std::string_view expected : {"abcd", "efgh"}) {
    const Chain chain = MustPop();
    std::array<uint8_t, 4> in{};
    EXPECT_EQ(chain.CopyFrom(0, in), 4u);
    EXPECT_EQ(std::string(in.begin(), in.end()), expected);
    queue_.Push(chain, 0);
  }
  EXPECT_EQ(driver_.TakeAllUsed().size(), 2u);
}

// 2.7.5.3.2: the write-only flag of the descriptor that refers to the table is ignored.
TEST_P(QueueTest, TheWriteFlagOfAnIndirectDescriptorIsIgnored) {
  const GuestAddress table = driver_.Allocate(16);
  driver_.WriteDescriptorAt(table, 0, {.address = 0x100, .length = 4});
  driver_.Chain().Raw(table, 16, kDriverIndirect | kDriverWrite).Publish();
  EXPECT_EQ(MustPop().readable_size(), 4u);
}

TEST_P(QueueTest, AChainAsLongAsTheQueueIsFine) {
  auto direct = driver_.Chain();
  for (int i = 0; i < kSize; ++i) {
    direct.Writable(2);
  }
  direct.Publish();
  const Chain chain = MustPop();
  EXPECT_EQ(chain.writable().size(), kSize);
  queue_.Push(chain, 0);
  driver_.TakeAllUsed();
  auto indirect = driver_.Chain().Readable(Text("x")).Indirect();
  for (int i = 0; i < kSize - 1; ++i) {
    indirect.Writable(2);
  }
  indirect.Publish();
  EXPECT_EQ(MustPop().writable().size(), kSize - 1u);
}

TEST_P(QueueTest, IndicesWrapAroundAt16Bits) {
  uint32_t in_batch = 1;
  for (uint32_t i = 0; i < 2 * 65536 + 5; i += in_batch) {
    in_batch = 1 + i % kSize;
    for (uint32_t j = 0; j < in_batch; ++j) {
      driver_.Chain().Readable(uint32_t{i + j}).Publish();
    }
    for (uint32_t j = 0; j < in_batch; ++j) {
      const Chain chain = MustPop();
      uint32_t value = 0;
      std::array<uint8_t, 4> bytes{};
      ASSERT_EQ(chain.CopyFrom(0, bytes), 4u);
      std::memcpy(&value, bytes.data(), 4);
      ASSERT_EQ(value, i + j);
      queue_.Push(chain, j);
    }
    ASSERT_FALSE(queue_.HasAvailable());
    ASSERT_EQ(driver_.TakeAllUsed().size(), in_batch);
  }
}

TEST_P(QueueTest, PositionsSurviveSaveAndLoad) {
  for (int i = 0; i < 11; ++i) {
    driver_.Chain().Writable(1).Publish();
    queue_.Push(MustPop(), 1);
    driver_.TakeAllUsed();
  }
  const uint16_t head = driver_.Chain().Writable(1).Publish();
  StateWriter writer;
  queue_.Save(writer);
  Queue other;
  ASSERT_TRUE(other.Enable(memory_, driver_.config()));
  StateReader reader(writer.bytes());
  other.Load(reader);
  EXPECT_TRUE(reader.AtEnd());
  const auto chain = other.Pop();
  ASSERT_TRUE(chain.has_value() && chain->has_value());
  EXPECT_EQ((*chain)->head(), head);
  other.Push(**chain, 1);
  EXPECT_EQ(driver_.TakeUsed()->id, head);
}

TEST_P(QueueTest, ADisabledQueueIsQuiet) {
  driver_.Chain().Writable(1).Publish();
  queue_.Disable();
  EXPECT_FALSE(queue_.enabled());
  EXPECT_FALSE(queue_.HasAvailable());
  EXPECT_FALSE(queue_.ShouldSignal());
  queue_.SuppressNotifications();
  EXPECT_FALSE(queue_.ResumeNotifications());
}

INSTANTIATE_TEST_SUITE_P(All, QueueTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "EventIndex" : "Flags"; });

TEST(ChainTest, CopiesAndIovecsAcrossSegments) {
  const GuestMemory memory =
      GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0, 64 * kKiB}}}).value();
  DriverQueue driver(memory, 0, 64 * kKiB, {.size = 16});
  Queue queue;
  ASSERT_TRUE(queue.Enable(memory, driver.config()));
  driver.Chain()
      .Readable(Text("ab"))
      .ReadableAt(0, 0)  // an empty segment holds nothing and harms nobody
      .Readable(Text("cdefg"))
      .WritableAt(64, 0)
      .Writable(3)
      .Writable(4)
      .Publish();
  const auto popped = queue.Pop();
  ASSERT_TRUE(popped.has_value() && popped->has_value());
  const Chain& chain = popped->value();
  const std::string all = "abcdefg";
  for (size_t offset = 0; offset <= 9; ++offset) {
    for (size_t size = 0; size <= 9; ++size) {
      const std::string expected = offset < all.size() ? all.substr(offset, size) : "";
      std::string got(size, '.');
      const size_t count = chain.CopyFrom(
          offset, std::span(static_cast<uint8_t*>(static_cast<void*>(got.data())), size));
      EXPECT_EQ(got.substr(0, count), expected) << offset << " " << size;
      std::vector<iovec> pieces;
      chain.ReadableIovecs(offset, size, pieces);
      std::string joined;
      for (const iovec& piece : pieces) {
        joined.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
      }
      EXPECT_EQ(joined, expected) << offset << " " << size;
    }
  }
  EXPECT_EQ(chain.CopyTo(2, Text("XYZ")), 3u);
  EXPECT_EQ(chain.CopyTo(6, Text("!!!")), 1u);
  EXPECT_EQ(chain.CopyTo(7, Text("!")), 0u);
  queue.Push(chain, 7);
  EXPECT_THAT(driver.TakeUsed()->writable, ElementsAre(0xEE, 0xEE, 'X', 'Y', 'Z', 0xEE, '!'));
}

TEST(QueueEnableTest, RefusesWhatTheSpecificationForbids) {
  const GuestMemory memory =
      GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0x10000, 64 * kKiB}}}).value();
  const QueueConfig good{.size = 8,
                         .descriptors = 0x10000,
                         .available = 0x11000,
                         .used = 0x12000,
                         .event_index = false,
                         .indirect = false};
  const auto with = [&](auto change) {
    QueueConfig config = good;
    change(config);
    return config;
  };
  Queue queue;
  EXPECT_TRUE(queue.Enable(memory, good));
  EXPECT_TRUE(queue.Enable(memory, with([](QueueConfig& c) { c.size = 1; })));
  // 2.7.8: the used ring is 6 + 8 * size bytes with its event field; it may end with the memory.
  EXPECT_TRUE(queue.Enable(memory, with([](QueueConfig& c) { c.used = 0x20000 - 72; })));
  const QueueConfig bad[] = {
      with([](QueueConfig& c) { c.size = 0; }),
      with([](QueueConfig& c) { c.size = 6; }),
      with([](QueueConfig& c) { c.size = 0xffff; }),
      with([](QueueConfig& c) { c.size = 32768; }),  // larger than the memory
      with([](QueueConfig& c) { c.descriptors += 8; }),
      with([](QueueConfig& c) { c.available += 1; }),
      with([](QueueConfig& c) { c.used += 2; }),
      with([](QueueConfig& c) { c.descriptors = 0; }),
      with([](QueueConfig& c) { c.descriptors = 0x10000 - 16; }),
      with([](QueueConfig& c) { c.descriptors = UINT64_MAX - 15; }),
      with([](QueueConfig& c) { c.available = 0x20000 - 20; }),
      with([](QueueConfig& c) { c.used = 0x20000 - 68; }),
      with([](QueueConfig& c) { c.used = UINT64_MAX - 3; }),
  };
  for (const QueueConfig& config : bad) {
    EXPECT_FALSE(queue.Enable(memory, config)) << config.size << " " << config.descriptors << " "
                                               << config.available << " " << config.used;
    EXPECT_FALSE(queue.enabled());
  }
}

}  // namespace
}  // namespace vmtest
