// The entropy device (virtio 1.2, section 5.4): one queue of buffers that the device fills.
#pragma once

#include <array>

#include "virtio/device.h"

namespace vmtest {

class RngDevice final : public VirtioDevice {
 public:
  // The most that one request gets, however large its buffer: a guest must not keep the loop busy
  // with random numbers. Linux asks for 64 bytes or so at a time.
  static constexpr size_t kMaxBytesPerRequest = 4096;

  VirtioType type() const override { return VirtioType::kEntropy; }
  uint64_t features() const override { return 0; }
  std::span<const uint16_t> queue_sizes() const override { return kQueueSizes; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> data) override;
  void WriteConfig(uint64_t offset, std::span<const uint8_t> data) override;
  Result<> Activate(const VirtioActivation& activation) override;
  void OnQueueNotify(uint16_t index) override;
  void Reset() override;
  void Pause() override;
  void Resume() override;
  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 private:
  static constexpr std::array<uint16_t, 1> kQueueSizes{64};

  void Serve();
  tl::expected<bool, std::string_view> ServeOne();

  Queue* queue_ = nullptr;  // while active
  VirtioInterrupt* interrupt_ = nullptr;
  bool paused_ = false;
};

}  // namespace vmtest
