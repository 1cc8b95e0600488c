// TableWriter: one ACPI table, from its header to its checksum (ACPI 6.5, 5.2.6).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace vmtest::acpi {

inline constexpr std::string_view kOemId = "VMTEST";  // 6 characters
inline constexpr size_t kHeaderSize = 36;
inline constexpr size_t kLengthOffset = 4;
inline constexpr size_t kChecksumOffset = 9;

// What makes the sum of `bytes` and the result zero.
uint8_t Checksum(std::span<const uint8_t> bytes);

// Appends `size` bytes of `value`, little-endian, as everything in ACPI is.
void AppendLittleEndian(std::vector<uint8_t>& bytes, uint64_t value, size_t size);

void AppendText(std::vector<uint8_t>& bytes, std::string_view text);

class TableWriter {
 public:
  // `signature` has 4 characters.
  TableWriter(std::string_view signature, uint8_t revision);

  void U8(uint8_t value) { bytes_.push_back(value); }
  void U16(uint16_t value) { AppendLittleEndian(bytes_, value, 2); }
  void U32(uint32_t value) { AppendLittleEndian(bytes_, value, 4); }
  void U64(uint64_t value) { AppendLittleEndian(bytes_, value, 8); }
  void Bytes(std::span<const uint8_t> bytes);
  // Zeros up to `offset` from the start of the table; 0 of a reserved or unused field.
  void ZeroUntil(size_t offset);
  // A one-byte register in port I/O space, as a Generic Address Structure.
  void PortRegister(uint16_t port);

  size_t size() const { return bytes_.size(); }

  // Fills in length and checksum and gives the table away.
  std::vector<uint8_t> Finish() &&;

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace vmtest::acpi
