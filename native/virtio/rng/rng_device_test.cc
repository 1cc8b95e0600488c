#include "virtio/rng/rng_device.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "testing/device_harness.h"

namespace vmtest {
namespace {

class RngDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(harness_.Activate().has_value()); }

  RngDevice device_;
  DeviceHarness harness_{device_, {.event_index = true}};
};

TEST_F(RngDeviceTest, FillsEveryBufferWithSomethingElse) {
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    harness_.driver(0).Chain().Writable(16).Writable(16).Publish();
    harness_.Kick(0);
    const auto used = harness_.driver(0).TakeUsed();
    ASSERT_TRUE(used.has_value());
    EXPECT_EQ(used->length, 32u);
    EXPECT_TRUE(seen.emplace(used->writable.begin(), used->writable.end()).second);
    EXPECT_EQ(harness_.interrupt().TakeQueueSignals(0), 1);
  }
}

TEST_F(RngDeviceTest, OneByteIsEnough) {
  harness_.driver(0).Chain().Writable(1).Publish();
  harness_.Kick(0);
  EXPECT_EQ(harness_.driver(0).TakeUsed()->length, 1u);
}

TEST_F(RngDeviceTest, AHugeBufferGetsABoundedAmount) {
  harness_.driver(0).Chain().Writable(kMiB).Publish();
  harness_.Kick(0);
  const UsedBuffer used = harness_.driver(0).TakeUsed().value();
  EXPECT_EQ(used.length, RngDevice::kMaxBytesPerRequest);
  for (size_t i = used.length; i < used.writable.size(); ++i) {
    ASSERT_EQ(used.writable[i], 0xEE) << i;
  }
}

TEST_F(RngDeviceTest, MalformedBuffersFailTheDevice) {
  using Play = void (*)(DriverQueue&);
  const Play table[] = {
      [](DriverQueue& d) { d.Chain().Readable(uint8_t{1}).Publish(); },
      [](DriverQueue& d) { d.Chain().Readable(uint8_t{1}).Writable(8).Publish(); },
      [](DriverQueue& d) { d.Chain().WritableAt(0x1000, 0).Publish(); },
      [](DriverQueue& d) { d.Chain().WritableAt(uint64_t{1} << 60, 8).Publish(); },
      [](DriverQueue& d) { d.PublishHead(0xffff); },
      [](DriverQueue& d) { d.WriteAvailIndex(1000); },
  };
  for (const Play play : table) {
    RngDevice device;
    DeviceHarness harness(device, {});
    ASSERT_TRUE(harness.Activate().has_value());
    play(harness.driver(0));
    harness.Kick(0);
    EXPECT_EQ(harness.interrupt().failures().size(), 1u);
    EXPECT_FALSE(harness.driver(0).HasUsed());
  }
}

TEST_F(RngDeviceTest, PausedItTakesNothingAndResumedItMissesNothing) {
  device_.Pause();
  harness_.driver(0).Chain().Writable(8).Publish();
  harness_.Kick(0);
  EXPECT_FALSE(harness_.driver(0).HasUsed());
  StateWriter writer;
  device_.Save(writer);
  StateReader reader(writer.bytes());
  device_.Load(reader);
  EXPECT_TRUE(reader.AtEnd());
  device_.Resume();
  EXPECT_TRUE(harness_.driver(0).HasUsed());
}

// A driver that refills the queue for ever must not keep the loop for itself.
TEST_F(RngDeviceTest, ServesAShareAndAsksToComeBack) {
  for (int i = 0; i < 16; ++i) {
    harness_.driver(0).Chain().Writable(1).Publish();
  }
  device_.OnQueueNotify(0);
  EXPECT_EQ(harness_.queue(0).pushed(), 16u);
  EXPECT_TRUE(harness_.interrupt().TakeNotifyAgain(0));
  device_.OnQueueNotify(0);
  EXPECT_FALSE(harness_.interrupt().TakeNotifyAgain(0));
}

TEST_F(RngDeviceTest, ResetAndBackAgain) {
  harness_.Reset();
  device_.Resume();  // nothing to look at, and nothing to crash on
  ASSERT_TRUE(harness_.Activate().has_value());
  harness_.driver(0).Chain().Writable(8).Publish();
  harness_.Kick(0);
  EXPECT_TRUE(harness_.driver(0).HasUsed());
}

TEST_F(RngDeviceTest, HasNoConfiguration) {
  std::array<uint8_t, 3> data{1, 2, 3};
  device_.WriteConfig(0, data);
  device_.ReadConfig(1000, data);
  EXPECT_EQ(data, (std::array<uint8_t, 3>{}));
  const std::array<uint8_t, 1> bad{99};
  StateReader reader(bad);
  device_.Load(reader);
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace vmtest
