#include "testing/mmio_driver.h"

#include <array>
#include <cstring>

#include "virtio/mmio_registers.h"

namespace vmtest {

uint32_t MmioDriver::Read32(uint64_t offset) {
  std::array<uint8_t, 4> bytes{};
  transport_.Read(offset, bytes);
  uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

void MmioDriver::Write32(uint64_t offset, uint32_t value) {
  std::array<uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(value));
  transport_.Write(offset, bytes);
}

uint64_t MmioDriver::DeviceFeatures() {
  Write32(mmio::kDeviceFeaturesSel, 1);
  const uint64_t high = Read32(mmio::kDeviceFeatures);
  Write32(mmio::kDeviceFeaturesSel, 0);
  return (high << 32) | Read32(mmio::kDeviceFeatures);
}

void MmioDriver::WriteDriverFeatures(uint64_t features) {
  Write32(mmio::kDriverFeaturesSel, 1);
  Write32(mmio::kDriverFeatures, static_cast<uint32_t>(features >> 32));
  Write32(mmio::kDriverFeaturesSel, 0);
  Write32(mmio::kDriverFeatures, static_cast<uint32_t>(features));
}

uint32_t MmioDriver::Status() { return Read32(mmio::kStatus); }

uint32_t MmioDriver::AddStatus(uint32_t bits) {
  Write32(mmio::kStatus, Status() | bits);
  return Status();
}

bool MmioDriver::Negotiate(uint64_t features) {
  AddStatus(mmio::kAcknowledge);
  AddStatus(mmio::kDriver);
  WriteDriverFeatures(features);
  return (AddStatus(mmio::kFeaturesOk) & mmio::kFeaturesOk) != 0;
}

void MmioDriver::SetUpQueue(uint16_t index, const QueueConfig& queue) {
  Write32(mmio::kQueueSel, index);
  Write32(mmio::kQueueNum, queue.size);
  Write32(mmio::kQueueDescLow, static_cast<uint32_t>(queue.descriptors));
  Write32(mmio::kQueueDescHigh, static_cast<uint32_t>(queue.descriptors >> 32));
  Write32(mmio::kQueueDriverLow, static_cast<uint32_t>(queue.available));
  Write32(mmio::kQueueDriverHigh, static_cast<uint32_t>(queue.available >> 32));
  Write32(mmio::kQueueDeviceLow, static_cast<uint32_t>(queue.used));
  Write32(mmio::kQueueDeviceHigh, static_cast<uint32_t>(queue.used >> 32));
  Write32(mmio::kQueueReady, 1);
}

bool MmioDriver::DriverOk() {
  const uint32_t status = AddStatus(mmio::kDriverOk);
  return (status & (mmio::kDriverOk | mmio::kNeedsReset)) == mmio::kDriverOk;
}

void MmioDriver::Notify(uint16_t index) { Write32(mmio::kQueueNotify, index); }

uint32_t MmioDriver::TakeInterrupts() {
  const uint32_t causes = Read32(mmio::kInterruptStatus);
  Write32(mmio::kInterruptAck, causes);
  return causes;
}

}  // namespace vmtest
