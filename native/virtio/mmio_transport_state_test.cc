// Pausing, saving and loading, and many threads at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <thread>

#include "virtio/fake_mmio_device.h"
#include "virtio/mmio_registers.h"

namespace vmtest {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST_F(MmioTransportTest, WhatArrivesWhilePausedIsForResume) {
  BringUp();
  transport_->Pause();
  EXPECT_EQ(device_.pauses, 1);
  driver_.Notify(0);
  loop_->RunOnce(1000);
  EXPECT_THAT(device_.notified, ElementsAre());
  transport_->SignalQueue(0);
  EXPECT_TRUE(Irq());
  transport_->Resume();
  EXPECT_EQ(device_.resumes, 1);
  EXPECT_TRUE(Irq());  // the cause is still open: the edge may have been lost with the machine
}

TEST_F(MmioTransportTest, StateMovesToAnotherTransport) {
  BringUp();
  for (int i = 0; i < 3; ++i) {
    queue0_.Chain().Writable(4).Publish();
    Queue& queue = device_.activation.queues[0];
    queue.Push(queue.Pop()->value(), 4);
    queue0_.TakeAllUsed();
  }
  transport_->SignalQueue(0);
  queue0_.Chain().Writable(4).Publish();
  transport_->Pause();
  StateWriter writer;
  transport_->Save(writer);

  FakeDevice twin;
  const auto other = MakeTransport(twin);
  other->Pause();
  StateReader reader(writer.bytes());
  ASSERT_TRUE(other->Load(reader).has_value());
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_EQ(twin.activations, 1);
  EXPECT_EQ(twin.activation.features, kGood);
  MmioDriver driver(*other);
  EXPECT_EQ(driver.Status(), 15u);
  EXPECT_EQ(driver.Read32(mmio::kInterruptStatus), mmio::kUsedBuffer);
  other->Resume();
  EXPECT_TRUE(other->irq_event().Drain());
  Queue& queue = twin.activation.queues[0];
  const auto chain = queue.Pop();
  ASSERT_TRUE(chain.has_value() && chain->has_value());
  queue.Push(**chain, 4);
  EXPECT_EQ(queue0_.TakeAllUsed().size(), 1u);
  EXPECT_FALSE(queue.HasAvailable());
}

TEST_F(MmioTransportTest, DamagedStateIsRefused) {
  BringUp();
  transport_->Pause();
  StateWriter writer;
  transport_->Save(writer);
  for (size_t size = 0; size < writer.bytes().size(); ++size) {
    FakeDevice twin;
    const auto other = MakeTransport(twin);
    StateReader reader(std::span(writer.bytes()).first(size));
    EXPECT_FALSE(other->Load(reader).has_value()) << size;
    EXPECT_EQ(twin.activations, 0);
  }
  for (size_t i = 0; i < writer.bytes().size(); ++i) {  // refused or not, nothing breaks
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      FakeDevice twin;
      const auto other = MakeTransport(twin);
      std::vector<uint8_t> bytes = writer.bytes();
      bytes[i] = static_cast<uint8_t>(bytes[i] ^ flip);
      StateReader reader(bytes);
      static_cast<void>(other->Load(reader));
      MmioDriver driver(*other);
      driver.Notify(0);
      driver.Write32(mmio::kStatus, 0);
      EXPECT_EQ(driver.Status(), 0u);
    }
  }
}

// Found by the fuzzer: a status that skips negotiation must not activate a device.
TEST_F(MmioTransportTest, SavedStateCannotSkipNegotiation) {
  BringUp(kFeatureVersion1);
  transport_->Pause();
  StateWriter writer;
  transport_->Save(writer);
  constexpr size_t kStatusAt = 5;     // after the version and the type
  constexpr size_t kFeaturesAt = 30;  // see MmioTransport::Save
  for (const auto& [at, value] : std::vector<std::pair<size_t, uint8_t>>{{kStatusAt, 7},
                                                                         {kStatusAt, 14},
                                                                         {kStatusAt, 11},
                                                                         {kFeaturesAt + 4, 0},
                                                                         {kFeaturesAt, 1},
                                                                         {kFeaturesAt + 7, 0x80}}) {
    std::vector<uint8_t> bytes = writer.bytes();
    ASSERT_NE(bytes[at], value);
    bytes[at] = value;
    FakeDevice twin;
    const auto other = MakeTransport(twin);
    StateReader reader(bytes);
    EXPECT_FALSE(other->Load(reader).has_value()) << at;
    EXPECT_EQ(twin.activations, 0);
  }
}

// A vCPU that asks why it was interrupted must not wait for a device that is busy on its loop, nor
// for another vCPU that does.
TEST_F(MmioTransportTest, TheInterruptStatusNeverWaitsForTheDevice) {
  BringUp();
  std::latch busy(1);
  std::latch finish(1);
  device_.on_notify = [&] {
    transport_->SignalQueue(0);
    busy.count_down();
    finish.wait();
    transport_->Fail("late");  // while a vCPU holds the lock and waits for this very thread
  };
  std::thread loop([&] { loop_->Run(); });
  driver_.Notify(0);
  busy.wait();
  std::thread resetting([&] { driver_.Write32(mmio::kStatus, 0); });
  MmioDriver other(*transport_);
  EXPECT_NE(other.Read32(mmio::kMagicValue), 0u);
  other.TakeInterrupts();
  static_cast<void>(other.Status());
  other.Notify(1);
  finish.count_down();
  resetting.join();
  loop_->Stop();
  loop.join();
  EXPECT_EQ(driver_.Status(), 0u);
  EXPECT_EQ(device_.resets, 1);
}

TEST_F(MmioTransportTest, ManyCpusAtOnce) {
  // Configures, fails and resets from several threads, while the device signals and fails.
  device_.on_notify = [&] {
    transport_->SignalQueue(0);
    if (device_.notified.size() % 3 == 0) {
      transport_->Fail("every third time");
    }
    transport_->SignalConfig();
  };
  std::thread loop([&] { loop_->Run(); });
  std::vector<std::thread> cpus;
  for (int i = 0; i < 4; ++i) {
    cpus.emplace_back([&] {
      MmioDriver driver(*transport_);
      for (int round = 0; round < 300; ++round) {
        driver.Negotiate(kGood);
        driver.SetUpQueue(0, queue0_.config());
        driver.DriverOk();
        driver.Notify(0);
        driver.TakeInterrupts();
        std::array<uint8_t, 8> config{};
        transport_->Read(mmio::kConfig, config);
        transport_->Write(mmio::kConfig, config);
        static_cast<void>(transport_->counters());
        driver.Write32(mmio::kStatus, 0);
      }
    });
  }
  for (std::thread& cpu : cpus) {
    cpu.join();
  }
  driver_.Write32(mmio::kStatus, 0);
  loop_->Stop();
  loop.join();
  EXPECT_EQ(driver_.Status(), 0u);
}

TEST_F(MmioTransportTest, ALoopThatHasEndedLeavesNobodyWaiting) {
  BringUp();
  std::thread loop([&] { loop_->Run(); });
  loop_->Stop();
  loop.join();
  std::array<uint8_t, 4> config{1, 1, 1, 1};
  transport_->Read(mmio::kConfig, config);
  EXPECT_THAT(config, Each(0));
  driver_.Write32(mmio::kStatus, 0);
}

}  // namespace
}  // namespace vmtest
