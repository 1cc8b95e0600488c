// What the tests of the transport share: a device that remembers, and a driver in front of it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testing/driver_queue.h"
#include "testing/mmio_driver.h"
#include "virtio/mmio_transport.h"

namespace vmtest {

inline constexpr uint64_t kDeviceFeature = 1 << 3;
inline constexpr uint64_t kGood =
    kFeatureVersion1 | kFeatureEventIndex | kFeatureIndirectDescriptors;

// A device that remembers what it was told.
class FakeDevice : public VirtioDevice {
 public:
  VirtioType type() const override { return VirtioType::kConsole; }
  uint64_t features() const override { return kDeviceFeature; }
  std::span<const uint16_t> queue_sizes() const override { return sizes_; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> data) override {
    for (size_t i = 0; i < data.size(); ++i) {
      data[i] = offset + i < config.size() ? config[offset + i] : uint8_t{0};
    }
  }
  void WriteConfig(uint64_t offset, std::span<const uint8_t> data) override {
    for (size_t i = 0; i < data.size() && offset + i < config.size(); ++i) {
      config[offset + i] = data[i];
    }
  }
  Result<> Activate(const VirtioActivation& given) override {
    ++activations;
    activation = given;
    if (!activate_error.empty()) {
      return ::vmtest::Fail(ErrorCode::kIo, activate_error);
    }
    return {};
  }
  void OnQueueNotify(uint16_t index) override {
    notified.push_back(index);
    if (on_notify) {
      on_notify();
    }
  }
  void Reset() override { ++resets; }
  void Pause() override { ++pauses; }
  void Resume() override { ++resumes; }
  void Save(StateWriter& writer) const override { writer.U32(0x5afe); }
  void Load(StateReader& reader) override {
    if (reader.U32() != 0x5afe) {
      reader.MarkBad();
    }
  }

  std::array<uint8_t, 9> config{10, 11, 12, 13, 14, 15, 16, 17, 18};
  std::string activate_error;
  std::function<void()> on_notify;
  VirtioActivation activation{};
  std::vector<uint16_t> notified;
  int activations = 0;
  int resets = 0;
  int pauses = 0;
  int resumes = 0;

 private:
  std::array<uint16_t, 2> sizes_{64, 16};
};

class MmioTransportTest : public ::testing::Test {
 protected:
  std::unique_ptr<MmioTransport> MakeTransport(FakeDevice& device) {
    return MmioTransport::Create(device, *loop_, memory_, EventFd::Create().value(),
                                 [this](const std::string& line) { log_.push_back(line); })
        .value();
  }
  void BringUp(uint64_t features = kGood) {
    ASSERT_TRUE(driver_.Negotiate(features));
    driver_.SetUpQueue(0, queue0_.config());
    driver_.SetUpQueue(1, queue1_.config());
    ASSERT_TRUE(driver_.DriverOk());
  }
  bool Irq() { return transport_->irq_event().Drain(); }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  GuestMemory memory_ =
      GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0, 256 * kKiB}}}).value();
  FakeDevice device_;
  std::vector<std::string> log_;
  std::unique_ptr<MmioTransport> transport_ = MakeTransport(device_);
  MmioDriver driver_{*transport_};
  DriverQueue queue0_{memory_, 0, 64 * kKiB, {.size = 64}};
  DriverQueue queue1_{memory_, 64 * kKiB, 64 * kKiB, {.size = 16}};
};

}  // namespace vmtest
