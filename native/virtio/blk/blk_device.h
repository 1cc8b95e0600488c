// The block device (virtio 1.2, section 5.2): one queue of requests, served in order.
//
// Requests are parsed by request.h and executed on a DiskBackend. Execution blocks, so the device
// wants a loop on a thread of its own.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "virtio/blk/disk_backend.h"
#include "virtio/blk/request.h"
#include "virtio/device.h"

namespace vmtest {

// Section 5.2.3.
inline constexpr uint64_t kBlkFeatureSegMax = uint64_t{1} << 2;
inline constexpr uint64_t kBlkFeatureReadOnly = uint64_t{1} << 5;
inline constexpr uint64_t kBlkFeatureBlockSize = uint64_t{1} << 6;
inline constexpr uint64_t kBlkFeatureFlush = uint64_t{1} << 9;
inline constexpr uint64_t kBlkFeatureDiscard = uint64_t{1} << 13;
inline constexpr uint64_t kBlkFeatureWriteZeroes = uint64_t{1} << 14;

class BlkDevice final : public VirtioDevice {
 public:
  // Told, on the device's loop, of the first thing that the host's disk refused. One line.
  using Log = std::function<void(const std::string& message)>;

  // `serial` is what the guest sees in /sys/block/vda/serial: at most 20 bytes, more are cut off.
  BlkDevice(std::unique_ptr<DiskBackend> disk, std::string_view serial, Log log = {});

  VirtioType type() const override { return VirtioType::kBlock; }
  uint64_t features() const override;
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
  static constexpr std::array<uint16_t, 1> kQueueSizes{256};

  void Serve();
  tl::expected<bool, std::string_view> ServeOne();
  Result<> Execute(const BlkRequest& request, const Chain& chain);
  Result<> ExecuteRanges(const BlkRequest& request);

  const std::unique_ptr<DiskBackend> disk_;
  std::array<uint8_t, kBlkSerialSize> serial_{};
  const Log log_;
  bool logged_ = false;

  Queue* queue_ = nullptr;  // while active
  VirtioInterrupt* interrupt_ = nullptr;
  bool write_through_ = false;
  bool paused_ = false;
};

}  // namespace vmtest
