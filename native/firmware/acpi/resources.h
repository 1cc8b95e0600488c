// ResourceTemplate: what a device decodes and which interrupt it raises (ACPI 6.5, 6.4), as the
// bytes that go into a _CRS buffer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vmtest::acpi {

class ResourceTemplate {
 public:
  // A fixed range of ports, all 16 address bits decoded.
  void Io(uint16_t base, uint8_t length);
  // A fixed range of memory that can be read and written.
  void Memory32Fixed(uint32_t base, uint32_t length);
  // An interrupt that the device alone consumes: edge-triggered, active high, which is how an irqfd
  // raises it.
  void EdgeInterrupt(uint32_t gsi);

  // The descriptors with their end tag.
  std::vector<uint8_t> Finish() const;

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace vmtest::acpi
