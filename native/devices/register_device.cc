#include "devices/register_device.h"

#include <algorithm>

namespace vmtest {
namespace {

// UARTPCellID0 to 3 (DDI 0183, 3.3.16), the same for every PrimeCell.
constexpr uint32_t kPrimeCellId = 0xb105'f00d;

// The identification registers carry one byte each.
uint32_t IdentificationByte(uint64_t offset, uint32_t peripheral) {
  const uint64_t index = offset / 4;
  const uint32_t word = index < 4 ? peripheral : kPrimeCellId;
  return (word >> (8 * (index % 4))) & 0xff;
}

}  // namespace

void RegisterDevice::Read(uint64_t offset, std::span<uint8_t> data) {
  const uint64_t within = offset % 4;
  const uint64_t whole = offset - within;
  if (within + data.size() > 4) {
    std::ranges::fill(data, uint8_t{0});
    return;
  }
  uint32_t value = whole >= kIdentification
                       ? IdentificationByte(whole - kIdentification, PeripheralId())
                       : ReadRegister(whole);
  value >>= 8 * within;
  for (uint8_t& byte : data) {
    byte = static_cast<uint8_t>(value);
    value >>= 8;
  }
}

void RegisterDevice::Write(uint64_t offset, std::span<const uint8_t> data) {
  if (offset % 4 != 0 || data.size() > 4 || offset >= kIdentification) {
    return;
  }
  uint32_t value = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    value |= uint32_t{data[i]} << (8 * i);
  }
  WriteRegister(offset, value);
}

}  // namespace vmtest
