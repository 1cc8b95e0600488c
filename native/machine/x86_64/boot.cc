#include "machine/x86_64/boot.h"

#include <array>

#include "arch/x86_64/entry_state.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/registers.h"
#include "boot/initrd.h"
#include "boot/kernel_loader.h"
#include "boot/x86_layout.h"
#include "devices/acpi_power.h"
#include "firmware/acpi/acpi.h"

namespace vmtest {
namespace {

// Real-mode code for the reset vector: asks the keyboard controller for a reset, for ever. Linux on
// hardware-reduced ACPI prefers EFI's reset, and where there is no EFI goes on to "the BIOS"
// (arch/x86/kernel/reboot.c): without this it would run into zeros and never end.
constexpr std::array<uint8_t, 7> kResetCode = {
    0xb0, 0xfe,  // mov al, 0xfe
    0xe6, 0x64,  // out 0x64, al
    0xf4,        // hlt
    0xeb, 0xf9,  // jmp to the start
};

Result<GuestAddress> WriteFirmwareTables(uint32_t cpus, std::span<const VirtioSlot> virtio,
                                         const GuestMemory& memory) {
  acpi::Config config{.local_apic_address = static_cast<uint32_t>(x86::kLocalApicBase),
                      .io_apic_address = static_cast<uint32_t>(x86::kIoApicBase),
                      .serial = acpi::SerialPort{.port = x86::kSerialPort, .gsi = x86::kSerialGsi},
                      .pvpanic_port = x86::kPvpanicPort,
                      .sleep_control_port = x86::kSleepControlPort,
                      .sleep_status_port = x86::kSleepStatusPort,
                      .reset_port = x86::kResetPort,
                      .reset_value = AcpiPower::kResetValue};
  static_assert(acpi::kS5SleepType == AcpiPower::kSleepTypeS5);
  for (uint32_t id = 0; id < cpus; ++id) {
    config.apic_ids.push_back(id);
  }
  for (const VirtioSlot& slot : virtio) {
    config.virtio_mmio.push_back(
        {.base = slot.address, .size = static_cast<uint32_t>(slot.size), .gsi = slot.gsi});
  }
  const auto tables = VM_TRY(acpi::BuildTables(config, x86::kAcpiTables, x86::kAcpiTablesSize));
  if (!memory.WriteBytes(x86::kAcpiTables, tables.bytes) ||
      !memory.WriteBytes(x86::kResetVector, kResetCode)) {
    return Fail(ErrorCode::kDoesNotFit, "the firmware tables do not fit in guest memory");
  }
  return tables.rsdp;
}

}  // namespace

Result<BootPlan> PrepareBoot(const GuestConfig& config, std::span<const VirtioSlot> virtio,
                             const GuestMemory& memory) {
  const LoadedKernel kernel = VM_TRY(About("kernel", LoadX86Kernel(config.kernel, memory)));
  BootConfig boot{.cmdline = config.cmdline};
  if (config.initrd) {
    boot.initrd = VM_TRY(About("initrd", LoadInitrd(config.initrd, kernel, memory)));
  }
  boot.rsdp = VM_TRY(WriteFirmwareTables(config.cpus, virtio, memory));
  return About("cmdline", WriteBootParameters(kernel, boot, memory));
}

Result<> SetEntryState(const Vcpu& vcpu, const BootPlan& plan, const GuestMemory& memory) {
  const kvm_sregs reset = VM_TRY(x86::GetSregs(vcpu));
  if (plan.protocol == EntryProtocol::kPvh32) {
    return x86::SetCpuState(vcpu, x86::PvhEntryState(reset, plan.entry, plan.parameters));
  }
  const x86::EntryTables tables{
      .gdt = x86::kGdt, .page_tables = x86::kPageTables, .stack_top = x86::kBootStackTop};
  if (!x86::WriteEntryTables(memory, tables)) {
    return Fail(ErrorCode::kDoesNotFit, "the page tables do not fit in guest memory");
  }
  return x86::SetCpuState(vcpu, x86::LinuxEntryState(reset, tables, plan.entry, plan.parameters));
}

}  // namespace vmtest
