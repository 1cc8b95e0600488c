// The single tables, for acpi.cc and the tests. Each answers a whole table with its checksum.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "firmware/acpi/acpi.h"

namespace vmtest::acpi {

// The differentiated system description table: the devices.
std::vector<uint8_t> BuildDsdt(const Config& config);
// The fixed table: what the platform lacks, and how to sleep and reset.
std::vector<uint8_t> BuildFadt(const Config& config, GuestAddress dsdt);
// The multiple APIC table: CPUs and interrupt controllers.
std::vector<uint8_t> BuildMadt(const Config& config);
std::vector<uint8_t> BuildXsdt(std::span<const GuestAddress> tables);

inline constexpr size_t kRsdpSize = 36;
std::array<uint8_t, kRsdpSize> BuildRsdp(GuestAddress xsdt);

}  // namespace vmtest::acpi
