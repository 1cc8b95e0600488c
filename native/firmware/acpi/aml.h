// AmlWriter: the small part of ACPI Machine Language (ACPI 6.5, chapter 20) that describes devices:
// scopes, devices, and names for constants, packages and resource buffers. No methods: nothing that
// the guest would have to interpret at run time.
//
//   AmlWriter aml;
//   aml.Scope("_SB", [&] {
//     aml.Device("COM1", [&] { aml.NameEisaId("_HID", "PNP0501"); });
//   });
//
// It writes what iasl writes for the same source, byte for byte (iasl_test.cc compares them).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "firmware/acpi/resources.h"

namespace vmtest::acpi {

class AmlWriter {
 public:
  // Names have 1 to 4 characters A-Z, 0-9 and _, and belong to the scope or device around them.
  template <typename Body>
  void Scope(std::string_view name, const Body& body) {
    const size_t start = BeginScope(name);
    body();
    EndPackage(start);
  }
  template <typename Body>
  void Device(std::string_view name, const Body& body) {
    const size_t start = BeginDevice(name);
    body();
    EndPackage(start);
  }

  void NameInteger(std::string_view name, uint64_t value);
  void NameString(std::string_view name, std::string_view value);  // ASCII, no NUL
  // `id` is three capitals and four hexadecimal digits, like PNP0501: 19.3.4 "EISAID".
  void NameEisaId(std::string_view name, std::string_view id);
  void NamePackage(std::string_view name, std::span<const uint64_t> integers);
  void NameResources(std::string_view name, const ResourceTemplate& resources);

  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  // Answer where the package's contents start; its length goes in front of them in EndPackage.
  size_t BeginScope(std::string_view name);
  size_t BeginDevice(std::string_view name);
  void EndPackage(size_t start);

  void Name(std::string_view name);
  void Segment(std::string_view name);
  void Integer(uint64_t value);

  std::vector<uint8_t> bytes_;
};

}  // namespace vmtest::acpi
