#include "virtio/mmio_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "virtio/fake_mmio_device.h"
#include "virtio/mmio_registers.h"

namespace vmtest {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(MmioTransportTest, SaysWhatItIs) {
  EXPECT_EQ(driver_.Read32(mmio::kMagicValue), 0x74726976u);
  EXPECT_EQ(driver_.Read32(mmio::kVersion), 2u);
  EXPECT_EQ(driver_.Read32(mmio::kDeviceId), 3u);
  EXPECT_NE(driver_.Read32(mmio::kVendorId), 0u);
  EXPECT_EQ(driver_.DeviceFeatures(), kGood | kDeviceFeature);
  driver_.Write32(mmio::kDeviceFeaturesSel, 2);
  EXPECT_EQ(driver_.Read32(mmio::kDeviceFeatures), 0u);
  driver_.Write32(mmio::kDeviceFeaturesSel, UINT32_MAX);
  EXPECT_EQ(driver_.Read32(mmio::kDeviceFeatures), 0u);
}

TEST_F(MmioTransportTest, HasNoSharedMemoryAndNothingAtUnknownRegisters) {
  driver_.Write32(mmio::kShmSel, 0);
  for (const uint64_t at :
       {mmio::kShmLenLow, mmio::kShmLenHigh, mmio::kShmBaseLow, mmio::kShmBaseHigh}) {
    EXPECT_EQ(driver_.Read32(at), UINT32_MAX);
  }
  for (const uint64_t at :
       {uint64_t{0x18}, uint64_t{0x3c}, mmio::kQueueReset, uint64_t{0xf8}, mmio::kQueueNotify,
        mmio::kQueueNum, mmio::kDriverFeatures, mmio::kInterruptAck}) {
    driver_.Write32(at, 0);
    EXPECT_EQ(driver_.Read32(at), 0u) << at;
  }
}

TEST_F(MmioTransportTest, ComesUpAsLinuxDoesIt) {
  BringUp(kFeatureVersion1 | kFeatureEventIndex | kDeviceFeature);
  EXPECT_EQ(driver_.Status(), 15u);
  EXPECT_EQ(device_.activations, 1);
  EXPECT_EQ(device_.activation.features, kFeatureVersion1 | kFeatureEventIndex | kDeviceFeature);
  ASSERT_EQ(device_.activation.queues.size(), 2u);
  EXPECT_TRUE(device_.activation.queues[0].enabled());
  EXPECT_EQ(device_.activation.queues[1].size(), 16);
  EXPECT_EQ(driver_.Read32(mmio::kQueueReady), 1u);
  driver_.AddStatus(mmio::kDriverOk);  // again: it is set already, nothing happens
  EXPECT_EQ(device_.activations, 1);
  EXPECT_THAT(log_, ElementsAre());
}

TEST_F(MmioTransportTest, AQueueThatIsNotReadyIsNotEnabled) {
  ASSERT_TRUE(driver_.Negotiate(kGood));
  driver_.SetUpQueue(1, queue1_.config());
  ASSERT_TRUE(driver_.DriverOk());
  EXPECT_FALSE(device_.activation.queues[0].enabled());
  EXPECT_TRUE(device_.activation.queues[1].enabled());
  driver_.Notify(0);
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre());
}

TEST_F(MmioTransportTest, RefusesFeaturesItCannotServe) {
  for (const uint64_t features :
       {uint64_t{0}, kFeatureEventIndex, kDeviceFeature, kFeatureVersion1 | 1,
        kFeatureVersion1 | (uint64_t{1} << 34), kFeatureVersion1 | (uint64_t{1} << 63)}) {
    EXPECT_FALSE(driver_.Negotiate(features)) << features;
    EXPECT_EQ(driver_.Status(), mmio::kAcknowledge | mmio::kDriver);
    EXPECT_EQ(driver_.AddStatus(mmio::kDriverOk), mmio::kAcknowledge | mmio::kDriver);
    driver_.Write32(mmio::kStatus, 0);
  }
  EXPECT_EQ(device_.activations, 0);
  // The driver may try again with fewer without a reset.
  EXPECT_FALSE(driver_.Negotiate(kFeatureVersion1 | 1));
  EXPECT_TRUE(driver_.Negotiate(kFeatureVersion1));
}

TEST_F(MmioTransportTest, StatusTakesStepsInOrderOnly) {
  struct Step {
    uint32_t write;
    uint32_t expected;
  };
  // Features are acceptable from DRIVER on.
  const std::vector<std::vector<Step>> scripts = {
      {{mmio::kDriver, 0}},
      {{mmio::kFeaturesOk, 0}, {mmio::kDriverOk, 0}},
      {{1, 1}, {1 | 4, 1}, {1 | 8, 1}, {1 | 4 | 8, 1}},
      {{1, 1}, {3, 3}, {7, 3}, {11, 11}, {15, 15}},
      {{3, 3}, {11, 11}, {15, 15}},         // two bits in one write, as SeaBIOS does
      {{1, 1}, {3, 3}, {2, 3}, {1, 3}},     // bits are never taken back
      {{1, 1}, {3, 3}, {11, 11}, {3, 11}},  //
      {{1, 1}, {0x31, 1}, {0xffffffb1, 1 | 128}},
      {{1 | 128, 1 | 128}, {3 | 128, 1 | 128}, {0, 0}, {1, 1}},  // after FAILED only reset
      {{64, 0}, {1 | 64, 1}},                                    // NEEDS_RESET is the device's
  };
  for (size_t i = 0; i < scripts.size(); ++i) {
    driver_.Write32(mmio::kStatus, 0);
    for (const Step& step : scripts[i]) {
      driver_.WriteDriverFeatures(kFeatureVersion1);
      driver_.Write32(mmio::kStatus, step.write);
      EXPECT_EQ(driver_.Status(), step.expected) << "script " << i << ", write " << step.write;
    }
  }
}

TEST_F(MmioTransportTest, FeaturesAreFixedOnceAccepted) {
  ASSERT_TRUE(driver_.Negotiate(kFeatureVersion1));
  driver_.WriteDriverFeatures(kGood);
  driver_.SetUpQueue(0, queue0_.config());
  ASSERT_TRUE(driver_.DriverOk());
  EXPECT_EQ(device_.activation.features, kFeatureVersion1);
}

TEST_F(MmioTransportTest, QueuesAreSetUpAtTheirTimeOnly) {
  const auto ready = [&] {
    driver_.Write32(mmio::kQueueSel, 0);
    return driver_.Read32(mmio::kQueueReady);
  };
  driver_.SetUpQueue(0, queue0_.config());
  EXPECT_EQ(ready(), 0u);  // before FEATURES_OK
  ASSERT_TRUE(driver_.Negotiate(kGood));
  driver_.SetUpQueue(0, queue0_.config());
  EXPECT_EQ(ready(), 1u);
  QueueConfig other = queue0_.config();
  other.size = 32;
  other.descriptors = 0xdead0000;
  driver_.SetUpQueue(0, other);  // while it is ready
  driver_.Write32(mmio::kQueueReady, 7);
  EXPECT_EQ(ready(), 1u);
  ASSERT_TRUE(driver_.DriverOk());
  EXPECT_EQ(device_.activation.queues[0].size(), 64);
  driver_.Write32(mmio::kQueueReady, 0);  // after DRIVER_OK
  EXPECT_EQ(ready(), 1u);
  driver_.Write32(mmio::kStatus, 0);
  EXPECT_EQ(ready(), 0u);
}

TEST_F(MmioTransportTest, AQueueCanBeTakenBackBeforeDriverOk) {
  ASSERT_TRUE(driver_.Negotiate(kGood));
  QueueConfig bad = queue0_.config();
  bad.used = 0xffff0000;
  driver_.SetUpQueue(0, bad);
  driver_.Write32(mmio::kQueueReady, 0);
  EXPECT_EQ(driver_.Read32(mmio::kQueueReady), 0u);
  driver_.SetUpQueue(0, queue0_.config());
  EXPECT_TRUE(driver_.DriverOk());
}

TEST_F(MmioTransportTest, QueuesThatDoNotExist) {
  ASSERT_TRUE(driver_.Negotiate(kGood));
  driver_.Write32(mmio::kQueueSel, 1);
  EXPECT_EQ(driver_.Read32(mmio::kQueueNumMax), 16u);
  for (const uint32_t index : {2u, 65536u, UINT32_MAX}) {
    driver_.Write32(mmio::kQueueSel, index);
    EXPECT_EQ(driver_.Read32(mmio::kQueueNumMax), 0u);
    driver_.Write32(mmio::kQueueNum, 8);
    driver_.Write32(mmio::kQueueReady, 1);
    EXPECT_EQ(driver_.Read32(mmio::kQueueReady), 0u);
    driver_.Write32(mmio::kQueueNotify, index);
  }
  EXPECT_TRUE(driver_.DriverOk());
}

TEST_F(MmioTransportTest, BadQueuesAreReportedNotUsed) {
  const auto with = [&](auto change) {
    QueueConfig config = queue0_.config();
    change(config);
    return config;
  };
  const QueueConfig bad[] = {
      with([](QueueConfig& c) { c.size = 0; }),
      with([](QueueConfig& c) { c.size = 48; }),
      with([](QueueConfig& c) { c.size = 128; }),  // more than QueueNumMax
      with([](QueueConfig& c) { c.descriptors += 4; }),
      with([](QueueConfig& c) { c.available = 256 * kKiB; }),
      with([](QueueConfig& c) { c.used = uint64_t{1} << 40; }),
      with([](QueueConfig& c) { c.descriptors = UINT64_MAX - 15; }),
  };
  for (const QueueConfig& config : bad) {
    log_.clear();
    ASSERT_TRUE(driver_.Negotiate(kGood));
    driver_.SetUpQueue(0, config);
    EXPECT_FALSE(driver_.DriverOk());
    EXPECT_EQ(driver_.Status(), 15u | mmio::kNeedsReset);
    EXPECT_THAT(log_, ElementsAre(HasSubstr("queue 0")));
    driver_.Write32(mmio::kStatus, 0);
    EXPECT_EQ(driver_.Status(), 0u);
  }
  EXPECT_EQ(device_.activations, 0);
  // A size that needs more than 16 bits must not be cut to a good one.
  ASSERT_TRUE(driver_.Negotiate(kGood));
  driver_.SetUpQueue(1, queue1_.config());
  driver_.Write32(mmio::kQueueReady, 0);
  driver_.Write32(mmio::kQueueNum, 0x10010);
  driver_.Write32(mmio::kQueueReady, 1);
  EXPECT_FALSE(driver_.DriverOk());
}

TEST_F(MmioTransportTest, AHostThatCannotIsAReset) {
  device_.activate_error = "no more threads";
  ASSERT_TRUE(driver_.Negotiate(kGood));
  EXPECT_FALSE(driver_.DriverOk());
  EXPECT_THAT(log_, ElementsAre(HasSubstr("no more threads")));
  EXPECT_EQ(driver_.TakeInterrupts(), mmio::kConfigChange);
  driver_.Notify(0);
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre());
}

TEST_F(MmioTransportTest, NotificationsReachAnActiveDevice) {
  driver_.Notify(1);
  loop_->RunOnce(0);
  EXPECT_THAT(device_.notified, ElementsAre());  // not yet
  BringUp();
  driver_.Notify(1);
  driver_.Notify(1);  // one event
  loop_->RunOnce(1000);
  transport_->queue_event(0).Signal();  // as KVM's ioeventfd does
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre(1, 0));
  transport_->NotifyAgain(1);
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre(1, 0, 1));
  const auto counters = transport_->counters();
  EXPECT_EQ(counters[0].notified, 1u);
  EXPECT_EQ(counters[1].notified, 2u);
}

TEST_F(MmioTransportTest, CountsWhatTheQueuesCarry) {
  BringUp();
  queue0_.Chain().Writable(4).Publish();
  queue0_.Chain().Writable(4).Publish();
  device_.on_notify = [&] {
    Queue& queue = device_.activation.queues[0];
    queue.Push(queue.Pop()->value(), 4);
    device_.activation.interrupt->SignalQueue(0);
    ASSERT_TRUE(queue.Pop()->has_value());
  };
  driver_.Notify(0);
  loop_->RunOnce(1000);
  const MmioTransport::QueueCounters counters = transport_->counters()[0];
  EXPECT_EQ(counters.popped, 2u);
  EXPECT_EQ(counters.pushed, 1u);
  EXPECT_EQ(counters.notified, 1u);
  EXPECT_EQ(counters.signalled, 1u);
  driver_.Write32(mmio::kStatus, 0);
  EXPECT_EQ(transport_->counters()[0].popped, 2u);  // statistics are not state
}

TEST_F(MmioTransportTest, InterruptsHaveCausesThatAreAcknowledged) {
  BringUp();
  EXPECT_FALSE(Irq());
  transport_->SignalQueue(1);
  EXPECT_TRUE(Irq());
  EXPECT_EQ(driver_.Read32(mmio::kInterruptStatus), mmio::kUsedBuffer);
  const uint32_t generation = driver_.Read32(mmio::kConfigGeneration);
  transport_->SignalConfig();
  EXPECT_TRUE(Irq());
  EXPECT_NE(driver_.Read32(mmio::kConfigGeneration), generation);
  EXPECT_EQ(driver_.Read32(mmio::kInterruptStatus), mmio::kUsedBuffer | mmio::kConfigChange);
  driver_.Write32(mmio::kInterruptAck, mmio::kUsedBuffer);
  EXPECT_EQ(driver_.TakeInterrupts(), mmio::kConfigChange);
  EXPECT_EQ(driver_.Read32(mmio::kInterruptStatus), 0u);
  transport_->SignalQueue(0);
  EXPECT_TRUE(Irq());  // each is an edge of its own
  transport_->SignalQueue(0);
  EXPECT_TRUE(Irq());
}

TEST_F(MmioTransportTest, AFailedDeviceIsLeftAloneUntilReset) {
  BringUp();
  device_.activation.interrupt->Fail("a descriptor chain is a loop");
  device_.activation.interrupt->Fail("and again");
  EXPECT_THAT(log_, ElementsAre(HasSubstr("a descriptor chain is a loop")));
  EXPECT_EQ(driver_.Status(), 15u | mmio::kNeedsReset);
  EXPECT_TRUE(Irq());
  EXPECT_EQ(driver_.TakeInterrupts(), mmio::kConfigChange);
  driver_.Notify(0);
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre());
  driver_.Write32(mmio::kStatus, 0);
  EXPECT_EQ(driver_.Status(), 0u);
  EXPECT_EQ(device_.resets, 1);
  BringUp();
  driver_.Notify(0);
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre(0));
}

TEST_F(MmioTransportTest, ResetForgetsEverything) {
  BringUp();
  transport_->SignalQueue(0);
  driver_.Notify(0);
  driver_.Write32(mmio::kStatus, 0);
  loop_->RunOnce(0);
  EXPECT_THAT(device_.notified, ElementsAre());
  EXPECT_EQ(device_.resets, 1);
  EXPECT_EQ(driver_.Read32(mmio::kInterruptStatus), 0u);
  EXPECT_FALSE(device_.activation.queues[0].enabled());
  // The features are gone, too: FEATURES_OK needs them anew.
  driver_.AddStatus(mmio::kAcknowledge);
  driver_.AddStatus(mmio::kDriver);
  EXPECT_EQ(driver_.AddStatus(mmio::kFeaturesOk) & mmio::kFeaturesOk, 0u);
}

TEST_F(MmioTransportTest, RegistersTakeAlignedWordsOnly) {
  for (const auto& [offset, size] : std::vector<std::pair<uint64_t, size_t>>{
           {0, 1}, {0, 2}, {0, 3}, {0, 8}, {1, 4}, {2, 4}, {3, 1}, {0xfc, 8}, {0xff, 4}}) {
    std::vector<uint8_t> data(size, 0xAA);
    transport_->Read(offset, data);
    EXPECT_THAT(data, Each(0)) << offset << " " << size;
  }
  for (const auto& [offset, size] : std::vector<std::pair<uint64_t, size_t>>{
           {mmio::kStatus, 1}, {mmio::kStatus, 2}, {mmio::kStatus, 8}, {mmio::kStatus - 3, 4}}) {
    transport_->Write(offset, std::vector<uint8_t>(size, 1));
    EXPECT_EQ(driver_.Status(), 0u) << offset << " " << size;
  }
}

TEST_F(MmioTransportTest, ConfigurationTakesEveryWidth) {
  for (uint64_t offset = 0; offset < 12; ++offset) {
    for (const size_t size : {1u, 2u, 3u, 4u, 8u}) {
      std::vector<uint8_t> data(size, 0xAA);
      transport_->Read(mmio::kConfig + offset, data);
      for (size_t i = 0; i < size; ++i) {
        EXPECT_EQ(data[i], offset + i < 9 ? 10 + offset + i : 0);
      }
    }
  }
  transport_->Write(mmio::kConfig + 1, std::array<uint8_t, 2>{77, 78});
  EXPECT_EQ(device_.config[1], 11);  // not before FEATURES_OK
  ASSERT_TRUE(driver_.Negotiate(kGood));
  transport_->Write(mmio::kConfig + 1, std::array<uint8_t, 2>{77, 78});
  EXPECT_EQ(device_.config[2], 78);
  transport_->Write(mmio::kRangeSize - 8, std::array<uint8_t, 8>{});
}

}  // namespace
}  // namespace vmtest
