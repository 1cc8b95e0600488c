#include "firmware/acpi/table.h"

#include <utility>

#include "base/check.h"

namespace vmtest::acpi {
namespace {

constexpr std::string_view kOemTableId = "VMTEST  ";  // 8
constexpr std::string_view kCreatorId = "VMTS";       // 4

// Generic Address Structure, 5.2.3.2.
constexpr uint8_t kSpaceSystemIo = 1;
constexpr uint8_t kAccessByte = 1;

}  // namespace

uint8_t Checksum(std::span<const uint8_t> bytes) {
  unsigned sum = 0;
  for (const uint8_t byte : bytes) {
    sum += byte;
  }
  return static_cast<uint8_t>(0U - sum);
}

void AppendLittleEndian(std::vector<uint8_t>& bytes, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
}

void AppendText(std::vector<uint8_t>& bytes, std::string_view text) {
  for (const char c : text) {
    bytes.push_back(static_cast<uint8_t>(c));
  }
}

TableWriter::TableWriter(std::string_view signature, uint8_t revision) {
  VMTEST_CHECK(signature.size() == 4);
  AppendText(bytes_, signature);
  U32(0);  // length
  U8(revision);
  U8(0);  // checksum
  AppendText(bytes_, kOemId);
  AppendText(bytes_, kOemTableId);
  U32(1);  // OEM revision
  AppendText(bytes_, kCreatorId);
  U32(1);  // creator revision
  VMTEST_CHECK(bytes_.size() == kHeaderSize);
}

void TableWriter::Bytes(std::span<const uint8_t> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void TableWriter::ZeroUntil(size_t offset) {
  VMTEST_CHECK(offset >= bytes_.size());
  bytes_.resize(offset);
}

void TableWriter::PortRegister(uint16_t port) {
  U8(kSpaceSystemIo);
  U8(8);  // width in bits
  U8(0);  // bit offset
  U8(kAccessByte);
  U64(port);
}

std::vector<uint8_t> TableWriter::Finish() && {
  const auto length = static_cast<uint32_t>(bytes_.size());
  for (size_t i = 0; i < sizeof(length); ++i) {
    bytes_[kLengthOffset + i] = static_cast<uint8_t>(length >> (8 * i));
  }
  bytes_[kChecksumOffset] = Checksum(bytes_);
  return std::move(bytes_);
}

}  // namespace vmtest::acpi
