#include "firmware/acpi/resources.h"

#include "firmware/acpi/table.h"

namespace vmtest::acpi {

void ResourceTemplate::Io(uint16_t base, uint8_t length) {
  bytes_.push_back(0x47);               // small item 8, 7 bytes: 6.4.2.5
  bytes_.push_back(0x01);               // decodes 16 bits
  AppendLittleEndian(bytes_, base, 2);  // lowest base
  AppendLittleEndian(bytes_, base, 2);  // highest base
  bytes_.push_back(0x01);               // alignment
  bytes_.push_back(length);
}

void ResourceTemplate::Memory32Fixed(uint32_t base, uint32_t length) {
  bytes_.push_back(0x86);  // large item 6: 6.4.3.4
  AppendLittleEndian(bytes_, 9, 2);
  bytes_.push_back(0x01);  // read-write
  AppendLittleEndian(bytes_, base, 4);
  AppendLittleEndian(bytes_, length, 4);
}

void ResourceTemplate::EdgeInterrupt(uint32_t gsi) {
  bytes_.push_back(0x89);  // large item 9: 6.4.3.6
  AppendLittleEndian(bytes_, 6, 2);
  bytes_.push_back(0x03);  // consumer, edge, active high, exclusive
  bytes_.push_back(1);     // one interrupt
  AppendLittleEndian(bytes_, gsi, 4);
}

std::vector<uint8_t> ResourceTemplate::Finish() const {
  std::vector<uint8_t> bytes = bytes_;
  bytes.push_back(0x79);  // end tag, 6.4.2.9
  bytes.push_back(
      0x00);  // "if the checksum field is zero, the resource data is treated as correct"
  return bytes;
}

}  // namespace vmtest::acpi
