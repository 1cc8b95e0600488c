#include "arch/x86_64/entry_state.h"

#include <array>

#include "arch/x86_64/registers.h"

namespace vmtest::x86 {
namespace {

// Intel SDM volume 3A, 2.5 (control registers), 3.4.5 (descriptors), 4.5 (4-level paging).
constexpr uint64_t kCr0ProtectedMode = 1u << 0;
constexpr uint64_t kCr0ExtensionType = 1u << 4;
constexpr uint64_t kCr0Paging = 1u << 31;
constexpr uint64_t kCr4Pae = 1u << 5;
constexpr uint64_t kEferLongModeEnable = 1u << 8;
constexpr uint64_t kEferLongModeActive = 1u << 10;
constexpr uint64_t kRflagsReserved = 1u << 1;

constexpr uint64_t kPagePresent = 1u << 0;
constexpr uint64_t kPageWritable = 1u << 1;
constexpr uint64_t kPageLarge = 1u << 7;
constexpr uint64_t kPageSize = 4096;
constexpr uint64_t kLargePageSize = 2 * kMiB;
constexpr uint64_t kDirectories = 4;  // of 1 GiB each
constexpr uint64_t kEntriesPerTable = kPageSize / sizeof(uint64_t);

constexpr uint16_t kBootCodeSelector = 0x10;
constexpr uint16_t kBootDataSelector = 0x18;

constexpr uint8_t kTypeCode = 0xb;     // execute, read, accessed
constexpr uint8_t kTypeData = 0x3;     // read, write, accessed
constexpr uint8_t kTypeBusyTss = 0xb;  // 32-bit or 64-bit TSS, busy

// The same two segments as descriptors, for the day the guest reloads a selector.
constexpr uint64_t kCode64Descriptor = 0x00af'9b00'0000'ffff;
constexpr uint64_t kDataDescriptor = 0x00cf'9300'0000'ffff;

kvm_segment FlatSegment(uint16_t selector, uint8_t type) {
  kvm_segment segment{};
  segment.base = 0;
  segment.limit = 0xffff'ffff;
  segment.selector = selector;
  segment.type = type;
  segment.present = 1;
  segment.s = 1;
  segment.g = 1;
  return segment;
}

void SetDataSegments(kvm_sregs& sregs, uint16_t selector) {
  kvm_segment data = FlatSegment(selector, kTypeData);
  data.db = 1;
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
}

void SetTaskSegment(kvm_sregs& sregs) {
  kvm_segment task{};
  task.limit = 0x67;
  task.type = kTypeBusyTss;
  task.present = 1;
  sregs.tr = task;
}

}  // namespace

CpuState LinuxEntryState(const kvm_sregs& reset, const EntryTables& tables, GuestAddress entry,
                         GuestAddress boot_params) {
  CpuState state{.regs = {}, .sregs = reset};
  kvm_segment code = FlatSegment(kBootCodeSelector, kTypeCode);
  code.l = 1;
  state.sregs.cs = code;
  SetDataSegments(state.sregs, kBootDataSelector);
  SetTaskSegment(state.sregs);
  state.sregs.gdt.base = tables.gdt;
  state.sregs.gdt.limit = 4 * 8 - 1;
  state.sregs.cr3 = tables.page_tables;
  state.sregs.cr4 = kCr4Pae;
  state.sregs.cr0 = kCr0ProtectedMode | kCr0ExtensionType | kCr0Paging;
  state.sregs.efer = kEferLongModeEnable | kEferLongModeActive;
  state.regs.rip = entry;
  state.regs.rsi = boot_params;
  state.regs.rsp = tables.stack_top;
  state.regs.rflags = kRflagsReserved;
  return state;
}

bool WriteEntryTables(const GuestMemory& memory, const EntryTables& tables) {
  const std::array<uint64_t, 4> gdt = {0, 0, kCode64Descriptor, kDataDescriptor};
  const GuestAddress pml4 = tables.page_tables;
  const GuestAddress pdpt = pml4 + kPageSize;
  const GuestAddress directories = pdpt + kPageSize;
  bool ok = memory.Write(tables.gdt, gdt);
  ok = ok && memory.Write<uint64_t>(pml4, pdpt | kPagePresent | kPageWritable);
  for (uint64_t i = 0; ok && i < kDirectories; ++i) {
    ok = memory.Write<uint64_t>(pdpt + i * sizeof(uint64_t),
                                (directories + i * kPageSize) | kPagePresent | kPageWritable);
  }
  // The directories lie one after the other, so that their entries count through.
  for (uint64_t i = 0; ok && i < kDirectories * kEntriesPerTable; ++i) {
    ok = memory.Write<uint64_t>(directories + i * sizeof(uint64_t),
                                i * kLargePageSize | kPagePresent | kPageWritable | kPageLarge);
  }
  return ok;
}

CpuState PvhEntryState(const kvm_sregs& reset, GuestAddress entry, GuestAddress start_info) {
  CpuState state{.regs = {}, .sregs = reset};
  kvm_segment code = FlatSegment(kBootCodeSelector, kTypeCode);
  code.db = 1;
  state.sregs.cs = code;
  SetDataSegments(state.sregs, kBootDataSelector);
  SetTaskSegment(state.sregs);
  state.sregs.cr0 = kCr0ProtectedMode | kCr0ExtensionType;
  state.sregs.cr4 = 0;
  state.sregs.efer = 0;
  state.regs.rip = entry;
  state.regs.rbx = start_info;
  state.regs.rflags = kRflagsReserved;
  return state;
}

Result<> SetCpuState(const Vcpu& vcpu, const CpuState& state) {
  VM_TRY(SetSregs(vcpu, state.sregs));
  VM_TRY(SetRegs(vcpu, state.regs));
  return {};
}

}  // namespace vmtest::x86
