#include "firmware/acpi/acpi.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "firmware/acpi/parts.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

constexpr size_t kAlignment = 16;     // the RSDP must have it (5.2.5.1); it does no harm elsewhere
constexpr size_t kMaxDevices = 4096;  // a name has three hexadecimal digits

Result<> Check(const Config& config) {
  if (config.apic_ids.empty() || config.apic_ids.size() > kMaxDevices) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("ACPI tables for {} CPUs", config.apic_ids.size()));
  }
  if (config.virtio_mmio.size() > kMaxDevices) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("ACPI tables for {} virtio devices", config.virtio_mmio.size()));
  }
  for (const VirtioMmio& window : config.virtio_mmio) {
    constexpr uint64_t kEnd = 1ULL << 32;
    if (window.size == 0 || window.base >= kEnd || window.size > kEnd - window.base) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("virtio window of {:#x} bytes at {:#x} does not lie below 4 GiB",
                              window.size, window.base));
    }
  }
  return {};
}

}  // namespace

std::vector<uint8_t> BuildXsdt(std::span<const GuestAddress> tables) {
  TableWriter table("XSDT", 1);
  for (const GuestAddress address : tables) {
    table.U64(address);
  }
  return std::move(table).Finish();
}

std::array<uint8_t, kRsdpSize> BuildRsdp(GuestAddress xsdt) {
  // 5.2.5.3. Its layout is its own, with two checksums: of the first 20 bytes, and of all.
  constexpr size_t kFirstPart = 20;
  constexpr size_t kFirstChecksum = 8;
  constexpr size_t kExtendedChecksum = 32;
  std::vector<uint8_t> bytes;
  AppendText(bytes, "RSD PTR ");
  bytes.push_back(0);  // checksum
  AppendText(bytes, kOemId);
  bytes.push_back(2);                       // revision
  AppendLittleEndian(bytes, 0, 4);          // RSDT: none
  AppendLittleEndian(bytes, kRsdpSize, 4);  // length
  AppendLittleEndian(bytes, xsdt, 8);
  AppendLittleEndian(bytes, 0, 4);  // extended checksum, reserved
  std::array<uint8_t, kRsdpSize> rsdp;
  VMTEST_CHECK(bytes.size() == rsdp.size());
  std::ranges::copy(bytes, rsdp.begin());
  rsdp[kFirstChecksum] = Checksum(std::span(rsdp).first(kFirstPart));
  rsdp[kExtendedChecksum] = Checksum(rsdp);
  return rsdp;
}

Result<Tables> BuildTables(const Config& config, GuestAddress base, uint64_t max_size) {
  VM_TRY(Check(config));
  VMTEST_CHECK(base % kAlignment == 0);

  Tables tables = {.bytes = std::vector<uint8_t>(kRsdpSize), .rsdp = base};
  const auto place = [&](const std::vector<uint8_t>& table) {
    tables.bytes.resize((tables.bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    const GuestAddress address = base + tables.bytes.size();
    tables.bytes.insert(tables.bytes.end(), table.begin(), table.end());
    return address;
  };
  const GuestAddress dsdt = place(BuildDsdt(config));
  const GuestAddress fadt = place(BuildFadt(config, dsdt));
  const GuestAddress madt = place(BuildMadt(config));
  const GuestAddress xsdt = place(BuildXsdt(std::array{fadt, madt}));
  std::ranges::copy(BuildRsdp(xsdt), tables.bytes.begin());

  if (tables.bytes.size() > max_size) {
    return Fail(ErrorCode::kDoesNotFit,
                fmt::format("the ACPI tables take {} bytes; there is room for {}",
                            tables.bytes.size(), max_size));
  }
  return tables;
}

}  // namespace vmtest::acpi
