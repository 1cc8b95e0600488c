// The ACPI tables of one guest: how a stock Linux kernel finds its CPUs, interrupt controllers and
// devices, and how it switches the machine off.
//
// The platform is hardware-reduced (ACPI 6.5, 4.1): no SCI, no PM timer, no fixed events, and Linux
// then leaves PIT and 8259 alone too. Sleep and reset are single byte registers:
//
//   power off: the guest writes kSleepEnable | (kS5SleepType << 2) to sleep_control_port (4.8.3.7)
//   reset:     the guest writes reset_value to reset_port (4.8.3.6)
//
// It may first write kWakeStatus to sleep_status_port, to clear that bit; a read answers 0.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "memory/guest_memory.h"

namespace vmtest::acpi {

inline constexpr uint8_t kS5SleepType = 5;       // \_S5; bits 2 to 4 of the sleep control register
inline constexpr uint8_t kSleepEnable = 1 << 5;  // of the sleep control register
inline constexpr uint8_t kWakeStatus = 1 << 7;   // of the sleep status register

// One virtio-mmio window, found by Linux as LNRO0005.
struct VirtioMmio {
  uint64_t base;  // below 4 GiB
  uint32_t size;
  uint32_t gsi;  // edge-triggered
};

// An ISA interrupt that does not arrive at the IOAPIC pin of its number (5.2.12.5).
struct InterruptOverride {
  uint8_t isa_irq;
  uint32_t gsi;
};

struct SerialPort {
  uint16_t port;  // 8 ports from here
  uint32_t gsi;   // edge-triggered
};

struct Config {
  // One per vCPU, in order; the ACPI processor UID is the index.
  std::vector<uint32_t> apic_ids;
  uint32_t local_apic_address = 0xfee00000;
  uint8_t io_apic_id = 0;
  uint32_t io_apic_address = 0xfec00000;  // its pins are GSI 0 and up
  std::vector<InterruptOverride> interrupt_overrides;
  // Linux on x86 knows its CPUs from the MADT; devices for them too (ACPI0007) only make it probe
  // each for power states that no guest has.
  bool cpu_devices = false;

  std::vector<VirtioMmio> virtio_mmio;
  std::optional<SerialPort> serial = SerialPort{.port = 0x3f8, .gsi = 4};
  bool rtc = true;                               // CMOS clock at 0x70 and 0x71, without interrupt
  std::optional<uint32_t> keyboard_gsi;          // i8042 with a keyboard at 0x60 and 0x64
  std::optional<uint16_t> pvpanic_port = 0x505;  // one byte

  uint16_t sleep_control_port = 0x600;
  uint16_t sleep_status_port = 0x601;
  uint16_t reset_port = 0x602;
  uint8_t reset_value = 1;
};

struct Tables {
  std::vector<uint8_t> bytes;  // to be written to the address that BuildTables was given
  GuestAddress rsdp;
};

// Lays the tables out from `base`, a multiple of 16, in at most `max_size` bytes. kInvalidArgument
// for a config that ACPI cannot express, kDoesNotFit for one that needs more room.
Result<Tables> BuildTables(const Config& config, GuestAddress base, uint64_t max_size);

}  // namespace vmtest::acpi
