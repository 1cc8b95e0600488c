// The DSDT: the devices a guest cannot find by itself. testdata/ has the same in ASL.
#include <fmt/format.h>

#include "firmware/acpi/aml.h"
#include "firmware/acpi/parts.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

constexpr uint8_t kRevision = 2;  // integers have 64 bits

void AddCpu(AmlWriter& aml, uint32_t uid) {
  aml.Device(fmt::format("C{:03X}", uid), [&] {
    aml.NameString("_HID", "ACPI0007");
    aml.NameInteger("_UID", uid);
  });
}

void AddSerial(AmlWriter& aml, const SerialPort& serial) {
  // The interrupt is stated here and not left to convention: without an 8259, Linux has no ISA
  // interrupts of its own.
  aml.Device("COM1", [&] {
    aml.NameEisaId("_HID", "PNP0501");
    aml.NameInteger("_UID", 0);
    ResourceTemplate resources;
    resources.Io(serial.port, 8);
    resources.EdgeInterrupt(serial.gsi);
    aml.NameResources("_CRS", resources);
  });
}

void AddRtc(AmlWriter& aml) {
  aml.Device("RTC0", [&] {
    aml.NameEisaId("_HID", "PNP0B00");
    ResourceTemplate resources;
    resources.Io(0x70, 2);
    aml.NameResources("_CRS", resources);
  });
}

void AddKeyboard(AmlWriter& aml, uint32_t gsi) {
  aml.Device("KBD0", [&] {
    aml.NameEisaId("_HID", "PNP0303");
    ResourceTemplate resources;
    resources.Io(0x60, 1);  // data
    resources.Io(0x64, 1);  // command and status: Linux takes them in this order
    resources.EdgeInterrupt(gsi);
    aml.NameResources("_CRS", resources);
  });
}

void AddPvpanic(AmlWriter& aml, uint16_t port) {
  // QEMU docs/specs/pvpanic.rst; Linux's pvpanic-mmio driver binds to this ID and takes the first
  // port or memory resource.
  aml.Device("PEVT", [&] {
    aml.NameString("_HID", "QEMU0001");
    ResourceTemplate resources;
    resources.Io(port, 1);
    aml.NameResources("_CRS", resources);
  });
}

void AddVirtio(AmlWriter& aml, uint32_t index, const VirtioMmio& window) {
  aml.Device(fmt::format("V{:03X}", index), [&] {
    aml.NameString("_HID", "LNRO0005");
    aml.NameInteger("_UID", index);
    aml.NameInteger("_CCA", 1);  // DMA is cache-coherent
    ResourceTemplate resources;
    resources.Memory32Fixed(static_cast<uint32_t>(window.base), window.size);
    resources.EdgeInterrupt(window.gsi);
    aml.NameResources("_CRS", resources);
  });
}

}  // namespace

std::vector<uint8_t> BuildDsdt(const Config& config) {
  AmlWriter aml;
  // 7.4.2: SLP_TYPa, SLP_TYPb and two reserved. Only the first means something here.
  aml.NamePackage("_S5", std::vector<uint64_t>{kS5SleepType, 0, 0, 0});
  aml.Scope("_SB", [&] {
    for (uint32_t uid = 0; config.cpu_devices && uid < config.apic_ids.size(); ++uid) {
      AddCpu(aml, uid);
    }
    if (config.serial.has_value()) {
      AddSerial(aml, *config.serial);
    }
    if (config.rtc) {
      AddRtc(aml);
    }
    if (config.keyboard_gsi.has_value()) {
      AddKeyboard(aml, *config.keyboard_gsi);
    }
    if (config.pvpanic_port.has_value()) {
      AddPvpanic(aml, *config.pvpanic_port);
    }
    uint32_t index = 0;
    for (const VirtioMmio& window : config.virtio_mmio) {
      AddVirtio(aml, index++, window);
    }
  });
  TableWriter table("DSDT", kRevision);
  table.Bytes(aml.bytes());
  return std::move(table).Finish();
}

}  // namespace vmtest::acpi
