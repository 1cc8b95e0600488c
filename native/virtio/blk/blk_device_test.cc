#include "virtio/blk/blk_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "testing/device_harness.h"

namespace vmtest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kAll = kBlkFeatureSegMax | kBlkFeatureBlockSize | kBlkFeatureFlush |
                          kBlkFeatureDiscard | kBlkFeatureWriteZeroes;

// A disk in memory that remembers what was asked of it and can break.
class MemoryDisk : public DiskBackend {
 public:
  explicit MemoryDisk(uint64_t size) : bytes(size, 0x11) {}

  uint64_t size() const override { return bytes.size(); }
  bool read_only() const override { return is_read_only; }
  Result<> ReadV(std::span<const iovec> pieces, uint64_t offset) override {
    for (const iovec& piece : pieces) {
      std::memcpy(piece.iov_base, &bytes[offset], piece.iov_len);
      offset += piece.iov_len;
    }
    return Answer();
  }
  Result<> WriteV(std::span<const iovec> pieces, uint64_t offset) override {
    for (const iovec& piece : pieces) {
      std::memcpy(&bytes[offset], piece.iov_base, piece.iov_len);
      offset += piece.iov_len;
    }
    return Answer();
  }
  Result<> Flush() override {
    ++flushes;
    return Answer();
  }
  Result<> Discard(uint64_t offset, uint64_t length) override {
    calls.push_back("discard " + std::to_string(offset) + " " + std::to_string(length));
    return Answer();
  }
  Result<> WriteZeroes(uint64_t offset, uint64_t length, bool unmap) override {
    calls.push_back((unmap ? "unmap " : "zero ") + std::to_string(offset) + " " +
                    std::to_string(length));
    return Answer();
  }
  void Save(StateWriter& writer) const override { writer.U8(42); }
  void Load(StateReader& reader) override {
    if (reader.U8() != 42) {
      reader.MarkBad();
    }
  }

  Result<> Answer() const {
    return broken ? Result<>(Fail(ErrorCode::kIo, "the disk is on fire")) : Result<>();
  }

  std::vector<uint8_t> bytes;
  bool is_read_only = false;
  bool broken = false;
  int flushes = 0;
  std::vector<std::string> calls;
};

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

class BlkDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(harness_.Activate().has_value()); }

  DriverQueue& driver() { return harness_.driver(0); }
  UsedBuffer Serve(DeviceHarness& harness) {
    harness.Kick(0);
    auto used = harness.driver(0).TakeUsed();
    EXPECT_TRUE(used.has_value());
    return used.value_or(UsedBuffer{});
  }
  // The status byte that answers the chain which was just published.
  int Status() {
    const UsedBuffer used = Serve(harness_);
    return used.writable.empty() ? -1 : used.writable.back();
  }

  MemoryDisk* disk_ = new MemoryDisk(64 * 512);
  std::vector<std::string> log_;
  BlkDevice device_{std::unique_ptr<DiskBackend>(disk_), "serial-0123456789-and-more",
                    [this](const std::string& line) { log_.push_back(line); }};
  DeviceHarness harness_{device_, {.features = kAll, .event_index = true}};
};

std::vector<uint8_t> Bytes(size_t count, uint8_t value) { return std::vector(count, value); }

TEST_F(BlkDeviceTest, WritesAndReadsBack) {
  driver().Chain().Readable(Header{1, 0, 2}).Readable(Bytes(1024, 0xAB)).Writable(1).Publish();
  UsedBuffer used = Serve(harness_);
  EXPECT_THAT(used.writable, ElementsAre(0));
  EXPECT_EQ(used.length, 1u);
  EXPECT_EQ(disk_->bytes[2 * 512], 0xAB);
  EXPECT_EQ(disk_->bytes[4 * 512], 0x11);
  driver().Chain().Indirect().Readable(Header{0, 0, 3}).Writable(1000).Writable(25).Publish();
  used = Serve(harness_);
  EXPECT_EQ(used.length, 1025u);
  EXPECT_EQ(used.writable[511], 0xAB);
  EXPECT_EQ(used.writable[512], 0x11);
  EXPECT_EQ(used.writable.back(), 0);
  EXPECT_EQ(harness_.interrupt().TakeQueueSignals(0), 2);
  EXPECT_EQ(disk_->flushes, 0);
}

TEST_F(BlkDeviceTest, FlushDiscardAndWriteZeroes) {
  driver().Chain().Readable(Header{4, 0, 0}).Writable(1).Publish();
  EXPECT_EQ(Status(), 0);
  EXPECT_EQ(disk_->flushes, 1);
  driver()
      .Chain()
      .Readable(Header{11, 0, 0})
      .Readable(Range{8, 8, 0})
      .Readable(Range{0, 0, 0})  // nothing at all
      .Writable(1)
      .Publish();
  EXPECT_EQ(Status(), 0);
  driver()
      .Chain()
      .Readable(Header{13, 0, 0})
      .Readable(Range{1, 1, 0})
      .Readable(Range{2, 3, 1})
      .Writable(1)
      .Publish();
  EXPECT_EQ(Status(), 0);
  EXPECT_THAT(disk_->calls, ElementsAre("discard 4096 4096", "zero 512 512", "unmap 1024 1536"));
}

TEST_F(BlkDeviceTest, TellsItsSerial) {
  driver().Chain().Readable(Header{8, 0, 0}).Writable(20).Writable(1).Publish();
  const UsedBuffer used = Serve(harness_);
  EXPECT_EQ(std::string(used.writable.begin(), used.writable.end() - 1), "serial-0123456789-an");
  EXPECT_EQ(used.length, 21u);
}

TEST_F(BlkDeviceTest, WithoutFlushEveryWriteIsMadeSafe) {
  harness_.Reset();
  DeviceHarness harness(device_, {.features = kAll & ~kBlkFeatureFlush});
  ASSERT_TRUE(harness.Activate().has_value());
  harness.driver(0).Chain().Readable(Header{1, 0, 0}).Readable(Bytes(512, 1)).Writable(1).Publish();
  EXPECT_THAT(Serve(harness).writable, ElementsAre(0));
  EXPECT_EQ(disk_->flushes, 1);
}

TEST_F(BlkDeviceTest, GuestErrorsAreStatuses) {
  driver().Chain().Readable(Header{0, 0, 64}).Writable(512).Writable(1).Publish();
  UsedBuffer used = Serve(harness_);
  EXPECT_EQ(used.writable.back(), 1);
  EXPECT_EQ(used.writable.front(), 0xEE);  // nothing else was touched
  EXPECT_EQ(used.length, 0u);              // and nothing is claimed: the status is not at the start
  driver().Chain().Readable(Header{99, 0, 0}).Writable(1).Publish();
  used = Serve(harness_);
  EXPECT_THAT(used.writable, ElementsAre(2));
  EXPECT_EQ(used.length, 1u);
  driver().Chain().Writable(1).Publish();
  EXPECT_EQ(Status(), 1);
  EXPECT_FALSE(harness_.interrupt().failed());
  EXPECT_TRUE(log_.empty());
}

TEST_F(BlkDeviceTest, HostErrorsAreStatusesAndLoggedOnce) {
  disk_->broken = true;
  for (int i = 0; i < 3; ++i) {
    driver().Chain().Readable(Header{0, 0, 0}).Writable(512).Writable(1).Publish();
    EXPECT_EQ(Status(), 1);
  }
  EXPECT_THAT(log_, ElementsAre(HasSubstr("on fire")));
  disk_->broken = false;
  driver().Chain().Readable(Header{0, 0, 0}).Writable(512).Writable(1).Publish();
  EXPECT_EQ(Status(), 0);
}

TEST_F(BlkDeviceTest, WhatHasNoPlaceForAnAnswerFailsTheDevice) {
  using Play = void (*)(DriverQueue&);
  const Play table[] = {
      [](DriverQueue& d) { d.Chain().Readable(Header{0, 0, 0}).Publish(); },
      [](DriverQueue& d) { d.Chain().Readable(Header{0, 0, 0}).WritableAt(0x1000, 0).Publish(); },
      [](DriverQueue& d) { d.Chain().Readable(Header{0, 0, 0}).WritableAt(1 << 30, 1).Publish(); },
      [](DriverQueue& d) { d.Chain().Writable(1).Readable(Header{0, 0, 0}).Publish(); },
      [](DriverQueue& d) { d.PublishHead(1000); },
      [](DriverQueue& d) { d.WriteAvailIndex(1000); },
  };
  for (const Play play : table) {
    auto* disk = new MemoryDisk(4096);
    BlkDevice device(std::unique_ptr<DiskBackend>(disk), "");
    DeviceHarness harness(device, {});
    ASSERT_TRUE(harness.Activate().has_value());
    play(harness.driver(0));
    harness.Kick(0);
    EXPECT_EQ(harness.interrupt().failures().size(), 1u);
    EXPECT_FALSE(harness.driver(0).HasUsed());
    EXPECT_EQ(disk->bytes, Bytes(4096, 0x11));
  }
}

TEST_F(BlkDeviceTest, ConfigurationAtEveryWidth) {
  std::array<uint8_t, 64> all{};
  device_.ReadConfig(0, all);
  const auto number = [&](size_t offset) {
    uint32_t value = 0;
    std::memcpy(&value, &all[offset], 4);
    return value;
  };
  EXPECT_EQ(number(0), 64u);    // capacity
  EXPECT_EQ(number(12), 254u);  // seg_max
  EXPECT_EQ(number(20), 512u);  // blk_size
  EXPECT_EQ(number(40), 32u);   // max_discard_seg
  EXPECT_EQ(number(52), 32u);   // max_write_zeroes_seg
  EXPECT_EQ(number(56), 1u);    // write_zeroes_may_unmap
  for (const uint64_t offset : {uint64_t{0}, uint64_t{13}, uint64_t{57}, uint64_t{63}}) {
    std::array<uint8_t, 1> byte{0xFF};
    device_.ReadConfig(offset, byte);
    EXPECT_EQ(byte[0], all[offset]) << offset;
  }
  for (const uint64_t offset : {uint64_t{59}, uint64_t{60}, uint64_t{4000}, UINT64_MAX - 3}) {
    std::array<uint8_t, 8> data;
    data.fill(0xFF);
    device_.ReadConfig(offset, data);
    EXPECT_EQ(data[1], 0) << offset;
    EXPECT_EQ(data[7], 0) << offset;
    device_.WriteConfig(offset, data);
  }
  device_.WriteConfig(0, std::array<uint8_t, 8>{});
  EXPECT_EQ(device_.features(), kAll);
}

TEST_F(BlkDeviceTest, AReadOnlyDiskOffersNoWrites) {
  disk_->is_read_only = true;
  EXPECT_EQ(device_.features(),
            (kAll & ~(kBlkFeatureDiscard | kBlkFeatureWriteZeroes)) | kBlkFeatureReadOnly);
  std::array<uint8_t, 4> max_discard{1, 1, 1, 1};
  device_.ReadConfig(36, max_discard);
  EXPECT_THAT(max_discard, ElementsAre(0, 0, 0, 0));
  driver().Chain().Readable(Header{1, 0, 0}).Readable(Bytes(512, 9)).Writable(1).Publish();
  EXPECT_EQ(Status(), 1);
  EXPECT_EQ(disk_->bytes[0], 0x11);
}

TEST_F(BlkDeviceTest, PausedItTakesNothingAndResumedItMissesNothing) {
  device_.Pause();
  driver().Chain().Readable(Header{4, 0, 0}).Writable(1).Publish();
  harness_.Kick(0);
  EXPECT_FALSE(driver().HasUsed());
  device_.Resume();
  EXPECT_TRUE(driver().HasUsed());
}

TEST_F(BlkDeviceTest, StateGoesWithADiskOfTheSameKind) {
  StateWriter writer;
  device_.Save(writer);
  const auto load = [&](uint64_t size, bool read_only, std::span<const uint8_t> bytes) {
    auto disk = std::make_unique<MemoryDisk>(size);
    disk->is_read_only = read_only;
    BlkDevice twin(std::move(disk), "");
    StateReader reader(bytes);
    twin.Load(reader);
    return reader.AtEnd();
  };
  EXPECT_TRUE(load(64 * 512, false, writer.bytes()));
  EXPECT_FALSE(load(65 * 512, false, writer.bytes()));
  EXPECT_FALSE(load(64 * 512, true, writer.bytes()));
  for (size_t size = 0; size < writer.bytes().size(); ++size) {
    EXPECT_FALSE(load(64 * 512, false, std::span(writer.bytes()).first(size)));
  }
}

TEST_F(BlkDeviceTest, ResetAndBackAgain) {
  harness_.Reset();
  device_.Resume();
  ASSERT_TRUE(harness_.Activate().has_value());
  driver().Chain().Readable(Header{4, 0, 0}).Writable(1).Publish();
  EXPECT_EQ(Status(), 0);
}

}  // namespace
}  // namespace vmtest
