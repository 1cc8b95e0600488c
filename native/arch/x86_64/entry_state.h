// The state in which a vCPU enters a kernel: segment and control registers, page tables, GDT.
#pragma once

#include <linux/kvm.h>

#include "kvm/vcpu.h"
#include "memory/guest_memory.h"

namespace vmtest::x86 {

// Where the tables of the 64-bit entry lie in guest memory.
struct EntryTables {
  GuestAddress gdt;          // 32 bytes
  GuestAddress page_tables;  // six pages, page-aligned
  GuestAddress stack_top;
};

struct CpuState {
  kvm_regs regs;
  kvm_sregs sregs;
};

// The 64-bit Linux entry (Documentation/arch/x86/boot.rst, "64-bit Boot Protocol"): long mode,
// paging on with the first 4 GiB mapped to themselves, CS = 0x10, DS = ES = SS = 0x18, interrupts
// off, RSI = the boot_params. `reset` is the vCPU's state as KVM made it.
CpuState LinuxEntryState(const kvm_sregs& reset, const EntryTables& tables, GuestAddress entry,
                         GuestAddress boot_params);
// Writes the GDT and the page tables that LinuxEntryState refers to; false when they do not lie in
// guest memory.
[[nodiscard]] bool WriteEntryTables(const GuestMemory& memory, const EntryTables& tables);

// The PVH entry (Xen, docs/misc/pvh.pandoc): 32-bit protected mode, flat segments, no paging,
// interrupts off, EBX = the hvm_start_info.
CpuState PvhEntryState(const kvm_sregs& reset, GuestAddress entry, GuestAddress start_info);

Result<> SetCpuState(const Vcpu& vcpu, const CpuState& state);

}  // namespace vmtest::x86
