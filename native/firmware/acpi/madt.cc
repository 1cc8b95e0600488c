// The MADT (ACPI 6.5, 5.2.12).
#include "firmware/acpi/parts.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

constexpr uint8_t kRevision = 6;

// 5.2.12, "Interrupt Controller Structure Types".
constexpr uint8_t kLocalApic = 0;
constexpr uint8_t kIoApic = 1;
constexpr uint8_t kInterruptSourceOverride = 2;
constexpr uint8_t kLocalX2Apic = 9;

constexpr uint32_t kEnabled = 1;

// PCAT_COMPAT is clear: no OS is to touch an 8259.
constexpr uint32_t kMadtFlags = 0;

void AddCpu(TableWriter& table, uint32_t uid, uint32_t apic_id) {
  // 255 is the xAPIC broadcast, and both numbers have one byte in the old structure.
  if (apic_id < 255 && uid < 255) {
    table.U8(kLocalApic);
    table.U8(8);
    table.U8(static_cast<uint8_t>(uid));
    table.U8(static_cast<uint8_t>(apic_id));
    table.U32(kEnabled);
  } else {
    table.U8(kLocalX2Apic);
    table.U8(16);
    table.U16(0);
    table.U32(apic_id);
    table.U32(kEnabled);
    table.U32(uid);
  }
}

}  // namespace

std::vector<uint8_t> BuildMadt(const Config& config) {
  TableWriter table("APIC", kRevision);
  table.U32(config.local_apic_address);
  table.U32(kMadtFlags);

  uint32_t uid = 0;
  for (const uint32_t apic_id : config.apic_ids) {
    AddCpu(table, uid++, apic_id);
  }

  table.U8(kIoApic);
  table.U8(12);
  table.U8(config.io_apic_id);
  table.U8(0);
  table.U32(config.io_apic_address);
  table.U32(0);  // its first GSI

  for (const InterruptOverride& source : config.interrupt_overrides) {
    table.U8(kInterruptSourceOverride);
    table.U8(10);
    table.U8(0);  // bus: ISA
    table.U8(source.isa_irq);
    table.U32(source.gsi);
    table.U16(0);  // polarity and trigger as the bus has them: active high, edge
  }
  return std::move(table).Finish();
}

}  // namespace vmtest::acpi
