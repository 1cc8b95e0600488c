#include "arch/x86_64/entry_state.h"

#include <gtest/gtest.h>

namespace vmtest::x86 {
namespace {

constexpr EntryTables kTables{.gdt = 0x500, .page_tables = 0x9000, .stack_top = 0x8ff0};

TEST(EntryStateTest, IdentityMapCoversFourGiB) {
  const GuestMemory::Range range{.start = 0, .size = 64 * kKiB};
  const GuestMemory memory = GuestMemory::Create({&range, 1}).value();
  ASSERT_TRUE(WriteEntryTables(memory, kTables));
  EXPECT_EQ(memory.Read<uint64_t>(0x9000), 0xa003u);
  EXPECT_EQ(memory.Read<uint64_t>(0xa000), 0xb003u);
  EXPECT_EQ(memory.Read<uint64_t>(0xb000), 0x83u);
  EXPECT_EQ(memory.Read<uint64_t>(0xb000 + 511 * 8), 511 * 2 * kMiB + 0x83);
  EXPECT_EQ(memory.Read<uint64_t>(0xa018), 0xe003u);
  EXPECT_EQ(memory.Read<uint64_t>(0xe000 + 511 * 8), 4 * kGiB - 2 * kMiB + 0x83);
  EXPECT_EQ(memory.Read<uint64_t>(0xa020), 0u);
  EXPECT_EQ(memory.Read<uint64_t>(0x510), 0x00af9b000000ffffu);
}

TEST(EntryStateTest, TablesOutsideMemoryAreRefused) {
  const GuestMemory::Range range{.start = 0, .size = 56 * kKiB};  // ends at 0xe000
  const GuestMemory memory = GuestMemory::Create({&range, 1}).value();
  EXPECT_FALSE(WriteEntryTables(memory, kTables));
}

TEST(EntryStateTest, LinuxEntersInLongModeWithItsParameters) {
  const CpuState state = LinuxEntryState({}, kTables, 0x1000200, 0x7000);
  EXPECT_EQ(state.regs.rip, 0x1000200u);
  EXPECT_EQ(state.regs.rsi, 0x7000u);
  EXPECT_EQ(state.sregs.efer, 0x500u);
  EXPECT_EQ(state.sregs.cs.selector, 0x10);
  EXPECT_EQ(state.sregs.cs.l, 1);
  EXPECT_EQ(state.sregs.ds.selector, 0x18);
  EXPECT_EQ(state.regs.rflags & (1u << 9), 0u);  // interrupts off
}

TEST(EntryStateTest, PvhEntersInProtectedModeWithoutPaging) {
  const CpuState state = PvhEntryState({}, 0x1000000, 0x6000);
  EXPECT_EQ(state.regs.rip, 0x1000000u);
  EXPECT_EQ(state.regs.rbx, 0x6000u);
  EXPECT_EQ(state.sregs.cr0, 0x11u);
  EXPECT_EQ(state.sregs.efer, 0u);
  EXPECT_EQ(state.sregs.cs.db, 1);
  EXPECT_EQ(state.sregs.cs.limit, 0xffffffffu);
}

}  // namespace
}  // namespace vmtest::x86
