#include "boot/x86_boot_params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "boot/kernel_loader.h"
#include "boot/setup_header.h"
#include "boot/test_images.h"
#include "boot/x86_layout.h"
#include "boot/x86_memory_map.h"
#include "boot/x86_pvh.h"

namespace vmtest {
namespace {

using test_images::BuildBzImage;
using test_images::BuildElf;
using test_images::Bytes;
using test_images::MakeFile;
using test_images::MakeMemory;
using testing::ElementsAre;
using x86::MemoryMapEntry;
using x86::MemoryType;

constexpr AddressRange kInitrd = {0x7000000, 0x7001234};
constexpr GuestAddress kRsdp = x86::kAcpiTables;

Bytes ReadAt(const GuestMemory& memory, GuestAddress address, size_t size) {
  Bytes bytes(size);
  EXPECT_TRUE(memory.ReadBytes(address, bytes));
  return bytes;
}

std::string ReadCommandLine(const GuestMemory& memory) {
  const Bytes bytes = ReadAt(memory, x86::kCommandLine, x86::kCommandLineSize);
  return {bytes.begin(), std::ranges::find(bytes, 0)};
}

TEST(MemoryMap, SmallGuest) {
  EXPECT_THAT(x86::BuildMemoryMap(MakeMemory(64 * kMiB).regions()),
              ElementsAre(MemoryMapEntry{0, 0x9fc00, MemoryType::kRam},
                          MemoryMapEntry{0x9fc00, 0x60400, MemoryType::kReserved},
                          MemoryMapEntry{kMiB, 63 * kMiB, MemoryType::kRam}));
}

TEST(MemoryMap, GuestWithMemoryAboveTheHole) {
  EXPECT_THAT(x86::BuildMemoryMap(MakeMemory(5 * kGiB).regions()),
              ElementsAre(MemoryMapEntry{0, 0x9fc00, MemoryType::kRam},
                          MemoryMapEntry{0x9fc00, 0x60400, MemoryType::kReserved},
                          MemoryMapEntry{kMiB, 3 * kGiB - kMiB, MemoryType::kRam},
                          MemoryMapEntry{4 * kGiB, 2 * kGiB, MemoryType::kRam}));
}

TEST(MemoryMap, TinyGuest) {
  EXPECT_THAT(x86::BuildMemoryMap(MakeMemory(kMiB).regions()),
              ElementsAre(MemoryMapEntry{0, 0x9fc00, MemoryType::kRam},
                          MemoryMapEntry{0x9fc00, 0x60400, MemoryType::kReserved}));
  EXPECT_THAT(x86::BuildMemoryMap(MakeMemory(4096).regions()),
              ElementsAre(MemoryMapEntry{0, 4096, MemoryType::kRam}));
}

TEST(BootParams, ZeroPageOfABzImage) {
  const GuestMemory memory = MakeMemory(5 * kGiB);
  const Bytes image = BuildBzImage({});
  const auto kernel = LoadX86Kernel(MakeFile(image), memory);
  ASSERT_TRUE(kernel.has_value());
  const auto plan = WriteBootParameters(
      *kernel, {.cmdline = "console=ttyS0 quiet", .initrd = kInitrd, .rsdp = kRsdp}, memory);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->protocol, EntryProtocol::kLinux64);
  EXPECT_EQ(plan->entry, 0x1000200U);
  EXPECT_EQ(plan->parameters, x86::kZeroPage);
  EXPECT_EQ(ReadCommandLine(memory), "console=ttyS0 quiet");

  const Bytes page = ReadAt(memory, x86::kZeroPage, x86::kZeroPageSize);
  // What the kernel said about itself is there unchanged.
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kMagic), setup::kMagicValue);
  EXPECT_EQ(setup::Get<uint16_t>(page, setup::kVersion), 0x020f);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kInitSize), 0x10000U);
  // What we tell it.
  EXPECT_EQ(setup::Get<uint8_t>(page, setup::kTypeOfLoader), 0xff);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kCmdLinePtr), x86::kCommandLine);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kRamdiskImage), kInitrd.start);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kRamdiskSize), 0x1234U);
  EXPECT_EQ(setup::Get<uint64_t>(page, setup::kAcpiRsdpAddr), kRsdp);
  ASSERT_EQ(setup::Get<uint8_t>(page, setup::kE820Entries), 4);
  const size_t last = setup::kE820Table + 3 * setup::kE820EntrySize;
  EXPECT_EQ(setup::Get<uint64_t>(page, last), 4 * kGiB);
  EXPECT_EQ(setup::Get<uint64_t>(page, last + 8), 2 * kGiB);
  EXPECT_EQ(setup::Get<uint32_t>(page, last + 16), 1U);
  // The sentinel before the header must stay zero, or Linux wipes fields (sanitize_boot_params).
  EXPECT_EQ(page[0x1ef], 0);
  EXPECT_EQ(page[0x26c], 0);
}

TEST(BootParams, ZeroPageOfAnElfKernel) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const auto kernel = LoadX86Kernel(MakeFile(BuildElf({})), memory);
  ASSERT_TRUE(kernel.has_value());
  const auto plan = WriteBootParameters(*kernel, {.cmdline = ""}, memory);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->entry, 0x1000000U);
  EXPECT_EQ(plan->parameters, x86::kZeroPage);
  const Bytes page = ReadAt(memory, x86::kZeroPage, x86::kZeroPageSize);
  EXPECT_EQ(setup::Get<uint16_t>(page, setup::kBootFlag), 0xaa55);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kMagic), setup::kMagicValue);
  EXPECT_EQ(setup::Get<uint16_t>(page, setup::kVersion), 0x020c);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kRamdiskImage), 0U);
  EXPECT_EQ(setup::Get<uint32_t>(page, setup::kRamdiskSize), 0U);
  EXPECT_EQ(setup::Get<uint64_t>(page, setup::kAcpiRsdpAddr), 0U);
}

TEST(BootParams, PvhStartInfo) {
  const GuestMemory memory = MakeMemory(5 * kGiB);
  const auto kernel = LoadX86Kernel(MakeFile(BuildElf({.pvh_entry = 0x1000850})), memory);
  ASSERT_TRUE(kernel.has_value());
  const auto plan = WriteBootParameters(
      *kernel, {.cmdline = "panic=-1", .initrd = kInitrd, .rsdp = kRsdp}, memory);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->protocol, EntryProtocol::kPvh32);
  EXPECT_EQ(plan->entry, 0x1000850U);
  EXPECT_EQ(plan->parameters, x86::kPvhStartInfo);
  EXPECT_EQ(ReadCommandLine(memory), "panic=-1");

  const auto info = memory.Read<x86::PvhStartInfo>(plan->parameters);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->magic, 0x336ec578U);
  EXPECT_EQ(info->version, 1U);
  EXPECT_EQ(info->flags, 0U);
  EXPECT_EQ(info->cmdline, x86::kCommandLine);
  EXPECT_EQ(info->rsdp, kRsdp);
  ASSERT_EQ(info->module_count, 1U);
  const auto module = memory.Read<x86::PvhModule>(info->module_list);
  ASSERT_TRUE(module.has_value());
  EXPECT_EQ(module->address, kInitrd.start);
  EXPECT_EQ(module->size, 0x1234U);
  ASSERT_EQ(info->memory_map_entries, 4U);
  const auto last = memory.Read<x86::PvhMemoryMapEntry>(info->memory_map + 3 * 24);
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(last->address, 4 * kGiB);
  EXPECT_EQ(last->size, 2 * kGiB);
  EXPECT_EQ(last->type, 1U);
}

TEST(BootParams, PvhWithoutInitrdHasNoModules) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const auto kernel = LoadX86Kernel(MakeFile(BuildElf({.pvh_entry = 0x1000850})), memory);
  ASSERT_TRUE(kernel.has_value());
  ASSERT_TRUE(WriteBootParameters(*kernel, {.cmdline = ""}, memory).has_value());
  const auto info = memory.Read<x86::PvhStartInfo>(x86::kPvhStartInfo);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->module_count, 0U);
  EXPECT_EQ(info->module_list, 0U);
}

TEST(BootParams, RefusesCommandLinesThatTheKernelWouldNotTakeWhole) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const auto kernel = LoadX86Kernel(MakeFile(BuildBzImage({.cmdline_size = 255})), memory);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_TRUE(WriteBootParameters(*kernel, {.cmdline = std::string(255, 'x')}, memory).has_value());
  auto plan = WriteBootParameters(*kernel, {.cmdline = std::string(256, 'x')}, memory);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(plan.error().message,
            "the kernel command line has 256 bytes; this kernel takes at most 255");
  plan = WriteBootParameters(*kernel, {.cmdline = std::string_view("a\0b", 3)}, memory);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().message, "the kernel command line contains a NUL byte");
}

TEST(BootParams, AKernelWithoutALimitStillHasOurs) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const auto kernel = LoadX86Kernel(MakeFile(BuildBzImage({.cmdline_size = UINT32_MAX})), memory);
  ASSERT_TRUE(kernel.has_value());
  const std::string longest(x86::kCommandLineSize - 1, 'x');
  EXPECT_TRUE(WriteBootParameters(*kernel, {.cmdline = longest}, memory).has_value());
  EXPECT_EQ(ReadCommandLine(memory), longest);
  EXPECT_FALSE(WriteBootParameters(*kernel, {.cmdline = longest + "x"}, memory).has_value());
}

TEST(BootParams, NeedsLowMemory) {
  const GuestMemory memory = MakeMemory(kMiB - 4096);
  const LoadedKernel kernel = {.protocol = EntryProtocol::kLinux64,
                               .entry = kMiB,
                               .range = {kMiB, 2 * kMiB},
                               .initrd_limit = 4 * kGiB,
                               .cmdline_max = 2047,
                               .setup_header = {}};
  const auto plan = WriteBootParameters(kernel, {.cmdline = ""}, memory);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::kDoesNotFit);
}

}  // namespace
}  // namespace vmtest
