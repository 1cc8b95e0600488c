// Everything that a hostile driver can put into the rings: each is named, none is followed, and
// memory stays as it was.
#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "testing/driver_queue.h"
#include "virtio/queue.h"

namespace vmtest {
namespace {

constexpr uint16_t kSize = 8;
constexpr GuestAddress kHole = 1 * kMiB;  // [kHole, 2 MiB) is no memory
constexpr GuestAddress kEnd = 3 * kMiB;   // nothing above

struct Malformed {
  const char* name;
  QueueError error;
  std::function<void(DriverQueue&)> play;
  bool indirect = true;
};

void PrintTo(const Malformed& malformed, std::ostream* out) { *out << malformed.name; }

class MalformedQueueTest : public ::testing::TestWithParam<Malformed> {};

std::vector<uint8_t> Snapshot(const GuestMemory& memory) {
  std::vector<uint8_t> all;
  for (const MemoryRegion& region : memory.regions()) {
    all.insert(all.end(), region.host, region.host + region.size);
  }
  return all;
}

TEST_P(MalformedQueueTest, IsReportedAndTouchesNothing) {
  const GuestMemory memory =
      GuestMemory::Create(std::array<GuestMemory::Range, 2>{{{0, kHole}, {2 * kMiB, kMiB}}})
          .value();
  DriverQueue driver(memory, 0, 64 * kKiB, {.size = kSize, .indirect = GetParam().indirect});
  Queue queue;
  ASSERT_TRUE(queue.Enable(memory, driver.config()));
  // One good buffer first: positions are not all zero, and the error does not come too early.
  driver.Chain().Writable(1).Publish();
  const auto good = queue.Pop();
  ASSERT_TRUE(good.has_value() && good->has_value());
  queue.Push(**good, 1);
  ASSERT_EQ(driver.TakeAllUsed().size(), 1u);

  GetParam().play(driver);
  const std::vector<uint8_t> before = Snapshot(memory);
  for (int i = 0; i < 2; ++i) {  // it stays an error, and is not skipped
    const auto popped = queue.Pop();
    ASSERT_FALSE(popped.has_value());
    EXPECT_EQ(popped.error(), GetParam().error) << QueueErrorText(popped.error());
  }
  EXPECT_TRUE(queue.HasAvailable());
  EXPECT_EQ(queue.popped(), 1u);
  EXPECT_TRUE(before == Snapshot(memory));
}

// An indirect chain whose table is written by hand.
void PublishTable(DriverQueue& driver, const std::vector<DriverDescriptor>& entries) {
  const uint64_t bytes = 16 * entries.size();
  const GuestAddress table = driver.Allocate(bytes);
  for (size_t i = 0; i < entries.size(); ++i) {
    driver.WriteDescriptorAt(table, static_cast<uint16_t>(i), entries[i]);
  }
  driver.Chain().Raw(table, static_cast<uint32_t>(bytes), kDriverIndirect).Publish();
}

void PublishRaw(DriverQueue& driver, GuestAddress address, uint32_t length, uint16_t flags) {
  driver.Chain().Raw(address, length, flags).Publish();
}

const Malformed kMalformed[] = {
    {"IndexOnePastTheQueue", QueueError::kAvailIndexJump,
     [](DriverQueue& d) { d.WriteAvailIndex(1 + kSize + 1); }},
    {"IndexGoesBack", QueueError::kAvailIndexJump, [](DriverQueue& d) { d.WriteAvailIndex(0); }},
    {"IndexHalfATurnAhead", QueueError::kAvailIndexJump,
     [](DriverQueue& d) { d.WriteAvailIndex(0x8001); }},
    {"HeadIsTheTableSize", QueueError::kHeadOutOfRange,
     [](DriverQueue& d) { d.PublishHead(kSize); }},
    {"HeadIsAllOnes", QueueError::kHeadOutOfRange, [](DriverQueue& d) { d.PublishHead(0xffff); }},
    {"NextPastTheTable", QueueError::kHeadOutOfRange,
     [](DriverQueue& d) {
       d.WriteDescriptor(2, {.address = 0, .length = 1, .flags = kDriverNext, .next = kSize});
       d.PublishHead(2);
     }},
    {"NextPastTheIndirectTable", QueueError::kHeadOutOfRange,
     [](DriverQueue& d) {
       PublishTable(d, {{.address = 0, .length = 1, .flags = kDriverNext, .next = 1}});
     }},
    {"LoopOfOne", QueueError::kChainTooLong,
     [](DriverQueue& d) {
       d.WriteDescriptor(3, {.address = 0, .length = 1, .flags = kDriverNext, .next = 3});
       d.PublishHead(3);
     }},
    {"LoopOfEmptySegments", QueueError::kChainTooLong,
     [](DriverQueue& d) {
       d.WriteDescriptor(3, {.address = 0, .length = 0, .flags = kDriverNext, .next = 4});
       d.WriteDescriptor(4, {.address = 0, .length = 0, .flags = kDriverNext, .next = 3});
       d.PublishHead(3);
     }},
    {"LoopInAnIndirectTable", QueueError::kChainTooLong,
     [](DriverQueue& d) {
       PublishTable(d, {{.address = 0, .length = 1, .flags = kDriverNext, .next = 1},
                        {.address = 0, .length = 1, .flags = kDriverNext, .next = 0}});
     }},
    {"IndirectChainLongerThanTheQueue", QueueError::kChainTooLong,
     [](DriverQueue& d) {
       auto chain = d.Chain().Indirect();
       for (int i = 0; i < kSize + 1; ++i) {
         chain.Writable(1);
       }
       chain.Publish();
     }},
    {"DirectAndIndirectTogetherLongerThanTheQueue", QueueError::kChainTooLong,
     [](DriverQueue& d) {
       auto chain = d.Chain().Writable(1).Indirect();
       for (int i = 0; i < kSize; ++i) {
         chain.Writable(1);
       }
       chain.Publish();
     }},
    {"BufferInTheHole", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, kHole + 4096, 16, kDriverWrite); }},
    {"BufferIntoTheHole", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, kHole - 8, 9, 0); }},
    {"BufferAcrossTheHole", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, kHole - 8, kMiB + 16, 0); }},
    {"BufferPastTheEnd", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, kEnd - 4, 5, kDriverWrite); }},
    {"EmptyBufferFarOutside", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, 1ull << 48, 0, kDriverWrite); }},
    {"BufferWrapsAroundTheAddressSpace", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, UINT64_MAX - 7, 16, kDriverWrite); }},
    {"BufferOfFourGigabytes", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, 0, UINT32_MAX, kDriverWrite); }},
    {"IndirectTableInTheHole", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, kHole, 16, kDriverIndirect); }},
    {"IndirectTablePastTheEnd", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, kEnd - 16, 32, kDriverIndirect); }},
    {"IndirectTableOfFourGigabytes", QueueError::kAddressOutside,
     [](DriverQueue& d) { PublishRaw(d, 0, UINT32_MAX - 15, kDriverIndirect); }},
    {"ReadableAfterWritable", QueueError::kReadableAfterWritable,
     [](DriverQueue& d) { d.Chain().Writable(1).Readable(uint8_t{1}).Publish(); }},
    {"ReadableBetweenWritable", QueueError::kReadableAfterWritable,
     [](DriverQueue& d) { d.Chain().Writable(1).Readable(uint8_t{1}).Writable(1).Publish(); }},
    {"ReadableAfterWritableInATable", QueueError::kReadableAfterWritable,
     [](DriverQueue& d) { d.Chain().Indirect().Writable(1).Readable(uint8_t{1}).Publish(); }},
    {"ReadableInATableAfterWritable", QueueError::kReadableAfterWritable,
     [](DriverQueue& d) { d.Chain().Writable(1).Indirect().Readable(uint8_t{1}).Publish(); }},
    {"IndirectNotNegotiated", QueueError::kIndirectNotAllowed,
     [](DriverQueue& d) { d.Chain().Indirect().Writable(1).Publish(); }, false},
    {"IndirectWithinIndirect", QueueError::kIndirectNotAllowed,
     [](DriverQueue& d) {
       PublishTable(d, {{.address = 0, .length = 16, .flags = kDriverIndirect}});
     }},
    {"IndirectWithNext", QueueError::kIndirectNotAllowed,
     [](DriverQueue& d) {
       d.Chain().Raw(d.Allocate(16), 16, kDriverIndirect).Writable(1).Publish();
     }},
    {"IndirectEmpty", QueueError::kIndirectBadLength,
     [](DriverQueue& d) { PublishRaw(d, 0, 0, kDriverIndirect); }},
    {"IndirectHalfADescriptor", QueueError::kIndirectBadLength,
     [](DriverQueue& d) { PublishRaw(d, 0, 8, kDriverIndirect); }},
    {"IndirectOneByteTooMany", QueueError::kIndirectBadLength,
     [](DriverQueue& d) { PublishRaw(d, 0, 17, kDriverIndirect); }},
};

INSTANTIATE_TEST_SUITE_P(All, MalformedQueueTest, ::testing::ValuesIn(kMalformed),
                         [](const auto& param) { return param.param.name; });

TEST(QueueChainSizeTest, FourGigabytesInAllAreTooMany) {
  // Reserved, not used: the chain is measured and refused before anything reads it.
  const GuestMemory memory =
      GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0, 2 * kGiB}}}).value();
  DriverQueue driver(memory, 0, 64 * kKiB, {.size = kSize});
  Queue queue;
  ASSERT_TRUE(queue.Enable(memory, driver.config()));
  driver.Chain().WritableAt(0, 1u << 31).WritableAt(0, (1u << 31) - 1).Publish();
  const auto fits = queue.Pop();
  ASSERT_TRUE(fits.has_value() && fits->has_value());
  EXPECT_EQ((*fits)->writable_size(), UINT32_MAX);
  driver.Chain().ReadableAt(0, 1u << 31).WritableAt(0, 1u << 31).Publish();
  const auto popped = queue.Pop();
  ASSERT_FALSE(popped.has_value());
  EXPECT_EQ(popped.error(), QueueError::kChainTooLarge);
}

TEST(QueueErrorTest, EveryErrorHasAText) {
  for (int i = 0; i <= static_cast<int>(QueueError::kChainTooLarge); ++i) {
    EXPECT_NE(QueueErrorText(static_cast<QueueError>(i)), "unknown queue error");
  }
}

}  // namespace
}  // namespace vmtest
