// Where things lie in the guest-physical address space of an x86_64 guest before its kernel runs.
//
//   0x0000_0000  real-mode vectors and BIOS data area: left zero
//   0x0000_0500  GDT, then an empty IDT                        written by arch/x86_64
//   0x0000_6000  PVH start info, module list, memory map       written by boot
//   0x0000_7000  zero page (boot_params)                       written by boot
//   0x0000_8ff0  top of a page of stack for the 64-bit entry   set by arch/x86_64
//   0x0000_9000  page tables: PML4, PDPT, 4 page directories   written by arch/x86_64
//   0x0002_0000  kernel command line, at most 64 KiB with NUL  written by boot
//   0x0009_fc00  extended BIOS data area: reserved in the memory map
//   0x000a_0000  legacy video and option ROMs: reserved
//   0x000e_0000  ACPI tables, RSDP first: reserved             written by machine
//   0x000f_fff0  code that resets the machine: reserved        written by machine
//   0x0010_0000  "high memory": the kernel and the initrd, RAM up to 3 GiB
//   0xc000_0000  hole for memory-mapped I/O, 1 GiB
//  0x1_0000_0000 the rest of the RAM
//
// All of the structures below 640 KiB are read by the kernel before its allocator starts, so that
// memory is ordinary RAM in the memory map. Every guest has RAM from 0 to at least 1 MiB.
#pragma once

#include <cstdint>

#include "memory/guest_memory.h"

namespace vmtest::x86 {

// Global descriptor table; room for 32 descriptors. The IDT that follows is never used: a fault
// this early is a triple fault, which is the honest answer.
inline constexpr GuestAddress kGdt = 0x500;
inline constexpr GuestAddress kIdt = 0x600;

// hvm_start_info, its module list, and its memory map up to kZeroPage.
inline constexpr GuestAddress kPvhStartInfo = 0x6000;
inline constexpr GuestAddress kPvhModuleList = 0x6040;
inline constexpr GuestAddress kPvhMemoryMap = 0x6080;

// struct boot_params, one page (Linux Documentation/arch/x86/zero-page.rst).
inline constexpr GuestAddress kZeroPage = 0x7000;
inline constexpr uint64_t kZeroPageSize = 0x1000;

inline constexpr GuestAddress kBootStackTop = 0x8ff0;

// Page tables for the 64-bit entry, which must map the kernel, the zero page and the command line
// one to one (boot protocol, "64-bit Boot Protocol"). Six pages cover the 4 GiB below which boot
// places everything: PML4, PDPT, and four page directories of 2 MiB pages.
inline constexpr GuestAddress kPageTables = 0x9000;
inline constexpr uint64_t kPageTablesSize = 0x6000;

inline constexpr GuestAddress kCommandLine = 0x20000;
inline constexpr uint64_t kCommandLineSize = 64 * kKiB;  // with the NUL

// From here to kHighMemory the memory map says "reserved". The last 128 KiB of it is where an
// operating system that was not told the RSDP's address looks for it, at multiples of 16 (ACPI 6.5,
// 5.2.5.1).
inline constexpr GuestAddress kExtendedBiosData = 0x9fc00;
inline constexpr GuestAddress kAcpiTables = 0xe0000;
inline constexpr uint64_t kAcpiTablesSize = 128 * kKiB - 16;

// Where a CPU begins after a reset, and where Linux jumps when it reboots "through the BIOS": real
// mode, F000:FFF0.
inline constexpr GuestAddress kResetVector = 0xffff0;

inline constexpr GuestAddress kHighMemory = 1 * kMiB;

// No RAM in here: IOAPIC, local APICs and the virtio-mmio windows.
inline constexpr GuestAddress kMmioHole = 3 * kGiB;
inline constexpr GuestAddress kMmioHoleEnd = 4 * kGiB;

static_assert(kPageTables + kPageTablesSize <= kCommandLine);
static_assert(kCommandLine + kCommandLineSize <= kExtendedBiosData);
static_assert(kAcpiTables + kAcpiTablesSize == kResetVector);

}  // namespace vmtest::x86
