#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "boot/kernel_loader.h"
#include "boot/test_images.h"
#include "boot/x86_layout.h"

namespace vmtest {
namespace {

using test_images::BuildElf;
using test_images::Bytes;
using test_images::ElfSpec;
using test_images::kElfProgramHeaders;
using test_images::MakeFile;
using test_images::MakeMemory;
using test_images::Poke;
using testing::HasSubstr;

Result<LoadedKernel> Load(const Bytes& image, const GuestMemory& memory) {
  return LoadX86Kernel(MakeFile(image), memory);
}

TEST(ElfLoader, PlacesSegmentsAtTheirPhysicalAddresses) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const Bytes image = BuildElf({.entry = 0x1000010,
                                .segments = {{0x1000000, 0x2000, Bytes(0x2000, 0x11)},
                                             {0x1400000, 0x3000, Bytes(0x1801, 0x22)}}});
  const auto kernel = Load(image, memory);
  ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
  EXPECT_EQ(kernel->protocol, EntryProtocol::kLinux64);
  EXPECT_EQ(kernel->entry, 0x1000010U);
  EXPECT_EQ(kernel->range.start, 0x1000000U);
  EXPECT_EQ(kernel->range.end, 0x1403000U);
  EXPECT_EQ(kernel->cmdline_max, 2047U);
  EXPECT_TRUE(kernel->setup_header.empty());
  EXPECT_EQ(memory.Read<uint8_t>(0xffffff), 0);
  EXPECT_EQ(memory.Read<uint8_t>(0x1000000), 0x11);
  EXPECT_EQ(memory.Read<uint8_t>(0x1001fff), 0x11);
  EXPECT_EQ(memory.Read<uint8_t>(0x1002000), 0);
  EXPECT_EQ(memory.Read<uint8_t>(0x1401800), 0x22);
  EXPECT_EQ(memory.Read<uint8_t>(0x1401801), 0);
}

TEST(ElfLoader, ClearsBssButNothingElse) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const auto ram = memory.Bytes(0x1000000, 0x10000);
  ASSERT_TRUE(ram.has_value());
  std::ranges::fill(*ram, uint8_t{0xff});
  ASSERT_TRUE(Load(BuildElf({.segments = {{0x1000000, 0x4800, Bytes(0x900, 1)}}}), memory));
  EXPECT_THAT(ram->first(0x900), testing::Each(1));
  EXPECT_THAT(ram->subspan(0x900, 0x3f00), testing::Each(0));
  EXPECT_THAT(ram->subspan(0x4800), testing::Each(0xff));
}

TEST(ElfLoader, PrefersThePvhEntry) {
  for (const unsigned size : {4U, 8U}) {
    const GuestMemory memory = MakeMemory(64 * kMiB);
    const auto kernel = Load(BuildElf({.pvh_entry = 0x1000850, .pvh_entry_size = size}), memory);
    ASSERT_TRUE(kernel.has_value()) << kernel.error().message;
    EXPECT_EQ(kernel->protocol, EntryProtocol::kPvh32);
    EXPECT_EQ(kernel->entry, 0x1000850U);
  }
}

TEST(ElfLoader, AcceptsPositionIndependentKernels) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  Bytes image = BuildElf({});
  Poke<uint16_t>(image, offsetof(Elf64_Ehdr, e_type), ET_DYN);
  EXPECT_TRUE(Load(image, memory).has_value());
}

TEST(ElfLoader, UsesTheLastByteOfMemory) {
  const GuestMemory memory = MakeMemory(32 * kMiB);
  const ElfSpec spec = {.entry = 0x1fff000, .segments = {{0x1fff000, 0x1000, Bytes(0x1000, 7)}}};
  ASSERT_TRUE(Load(BuildElf(spec), memory).has_value());
  EXPECT_EQ(memory.Read<uint8_t>(0x1ffffff), 7);
}

// Offsets in an image of BuildElf: the ELF header's fields, and those of the first program header.
#define EHDR(field) offsetof(Elf64_Ehdr, field)
#define PHDR(field) (kElfProgramHeaders + offsetof(Elf64_Phdr, field))

struct Malformed {
  const char* message;
  void (*spoil)(Bytes&);
  ErrorCode code = ErrorCode::kBadImage;
};

const Malformed kMalformed[] = {
    {"the kernel is truncated: it ends inside the ELF header", [](Bytes& b) { b.resize(4); }},
    {"the kernel is truncated: it ends inside the ELF header", [](Bytes& b) { b.resize(19); }},
    {"the kernel is truncated: it ends inside the ELF header", [](Bytes& b) { b.resize(63); }},
    {"is truncated: its program headers lie outside the file", [](Bytes& b) { b.resize(64); }},
    {"is truncated: its program headers lie outside the file", [](Bytes& b) { b.resize(119); }},
    {"is truncated: its program headers lie outside the file",
     [](Bytes& b) { Poke<uint64_t>(b, EHDR(e_phoff), UINT64_MAX - 8); }},
    {"is truncated: its segment 0 is 8192 bytes at byte 120 of the file, which has 8311",
     [](Bytes& b) { b.pop_back(); }},
    {"is truncated: its segment 0",
     [](Bytes& b) { Poke<uint64_t>(b, PHDR(p_offset), UINT64_MAX); }},
    {"is truncated: its segment 0",
     [](Bytes& b) { Poke<uint64_t>(b, PHDR(p_filesz), UINT64_MAX); }},
    {"is built for aarch64; this engine runs x86_64",
     [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_machine), EM_AARCH64); }},
    {"is built for RISC-V; this engine runs x86_64",
     [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_machine), EM_RISCV); }},
    {"is built for 32-bit x86; this engine runs x86_64",
     [](Bytes& b) {
       Poke<uint8_t>(b, EI_CLASS, ELFCLASS32);
       Poke<uint16_t>(b, EHDR(e_machine), EM_386);
     }},
    {"is built for s390; this engine runs x86_64",
     [](Bytes& b) {
       Poke<uint8_t>(b, EI_DATA, ELFDATA2MSB);
       Poke<uint16_t>(b, EHDR(e_machine), EM_S390 << 8);
     }},
    {"is built for foreign (ELF machine 12345); this",
     [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_machine), 12345); }},
    {"is big-endian",
     [](Bytes& b) {
       Poke<uint8_t>(b, EI_DATA, ELFDATA2MSB);
       Poke<uint16_t>(b, EHDR(e_machine), EM_X86_64 << 8);
     }},
    {"no such byte order", [](Bytes& b) { Poke<uint8_t>(b, EI_DATA, 0); }},
    {"is a 32-bit ELF file", [](Bytes& b) { Poke<uint8_t>(b, EI_CLASS, ELFCLASS32); }},
    {"is a relocatable object (a kernel module?)",
     [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_type), ET_REL); }},
    {"is a core dump", [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_type), ET_CORE); }},
    {"is an ELF file of type 0", [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_type), ET_NONE); }},
    {"has no program headers", [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_phnum), 0); }},
    {"1 program headers of 32 bytes", [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_phentsize), 32); }},
    {"65535 program headers of 56", [](Bytes& b) { Poke<uint16_t>(b, EHDR(e_phnum), 65535); }},
    {"has no segments to load", [](Bytes& b) { Poke<uint32_t>(b, PHDR(p_type), PT_NULL); }},
    {"has no segments to load", [](Bytes& b) { Poke<uint64_t>(b, PHDR(p_memsz), 0); }},
    {"is a program for user space", [](Bytes& b) { Poke<uint32_t>(b, PHDR(p_type), PT_INTERP); }},
    {"has a damaged segment 0: 8192 bytes in the file for 8191",
     [](Bytes& b) { Poke<uint64_t>(b, PHDR(p_memsz), 8191); }},
    {"has a damaged segment 0: 1073741825 bytes",
     [](Bytes& b) { Poke<uint64_t>(b, PHDR(p_memsz), kGiB + 1); }},
    {"has a damaged segment 0: 12288 bytes at address 0xfffffffffffff000",
     [](Bytes& b) { Poke<uint64_t>(b, PHDR(p_paddr), UINT64_MAX - 0xfff); }},
    {"wants to lie at 0x0, below 1 MiB",
     [](Bytes& b) {
       Poke<uint64_t>(b, PHDR(p_paddr), 0);
       Poke<uint64_t>(b, EHDR(e_entry), 0);
     }},
    {"ELF entry point at 0x0, outside", [](Bytes& b) { Poke<uint64_t>(b, EHDR(e_entry), 0); }},
    {"ELF entry point at 0x1002000, outside",  // in .bss
     [](Bytes& b) { Poke<uint64_t>(b, EHDR(e_entry), 0x1002000); }},
};

TEST(ElfLoader, RefusesMalformedImages) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  for (const Malformed& test : kMalformed) {
    Bytes image = BuildElf({});
    test.spoil(image);
    const auto kernel = Load(image, memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
    EXPECT_EQ(kernel.error().code, test.code) << test.message;
  }
}

TEST(ElfLoader, RefusesMalformedNotes) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const ElfSpec spec = {.pvh_entry = 0x1000000};
  const size_t note_header = kElfProgramHeaders + sizeof(Elf64_Phdr);
  const size_t notes = kElfProgramHeaders + 2 * sizeof(Elf64_Phdr) + 0x2000;
  struct Case {
    const char* message;
    size_t offset;
    uint64_t value;
    size_t width;
  };
  const Case cases[] = {
      {"has a damaged ELF note", notes, UINT32_MAX, 4},
      {"has a damaged ELF note", notes + 4, UINT32_MAX, 4},
      {"has a damaged ELF note", notes + 32, 1000, 4},
      {"is truncated: its notes", note_header + offsetof(Elf64_Phdr, p_offset), UINT64_MAX, 8},
      {"is truncated: its notes", note_header + offsetof(Elf64_Phdr, p_filesz), 100, 8},
      {"of ELF notes; at most 1 MiB", note_header + offsetof(Elf64_Phdr, p_filesz), kMiB + 1, 8},
      {"PVH entry point at 0x5000000, outside", notes + 44, 0x5000000, 8},
  };
  for (const Case& test : cases) {
    Bytes image = BuildElf(spec);
    for (size_t i = 0; i < test.width; ++i) {
      image[test.offset + i] = static_cast<uint8_t>(test.value >> (8 * i));
    }
    const auto kernel = Load(image, memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
  }
  const auto kernel = Load(BuildElf({.pvh_entry = 0x1000000, .pvh_entry_size = 12}), memory);
  ASSERT_FALSE(kernel.has_value());
  EXPECT_THAT(kernel.error().message, HasSubstr("a PVH entry note of 12 bytes"));
}

TEST(ElfLoader, RefusesOverlappingAndScatteredSegments) {
  const GuestMemory memory = MakeMemory(5 * kGiB);
  const Bytes code(0x2000, 1);
  struct Case {
    const char* message;
    std::vector<test_images::Segment> segments;
  };
  const Case cases[] = {
      {"overlapping segments: 0x1000000-0x1002000 and 0x1001fff-0x1003fff",
       {{0x1001fff, 0x2000, code}, {0x1000000, 0x2000, code}}},
      {"overlapping segments", {{0x1000000, 0x2000, code}, {0x1000000, 0x2000, code}}},
      {"overlapping segments", {{0x1000000, 0x9000, code}, {0x1001000, 0x2000, code}}},
      {"spreads over 1024.1 MiB", {{0x1000000, 0x2000, code}, {0x40fff000, 0x2000, code}}},
  };
  for (const Case& test : cases) {
    const auto kernel = Load(BuildElf({.segments = test.segments}), memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_EQ(kernel.error().code, ErrorCode::kBadImage);
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
  }
}

TEST(ElfLoader, SaysHowMuchMemoryTheKernelNeeds) {
  struct Case {
    uint64_t memory;
    uint64_t address;
    ErrorCode code;
    const char* message;
  };
  const Case cases[] = {
      {16 * kMiB, 0x1000000, ErrorCode::kDoesNotFit,
       "the kernel needs 16.1 MiB of guest memory to start in (0x1000000-0x1002000); this guest "
       "has 16 MiB"},
      {kMiB, 0x100000, ErrorCode::kDoesNotFit, "needs 1.1 MiB of guest memory"},
      {32 * kMiB, 0x1fff000, ErrorCode::kDoesNotFit, "needs 32.1 MiB of guest memory"},
      {5 * kGiB, 0xbffff000, ErrorCode::kDoesNotFit, "where guests have no memory"},
      {5 * kGiB, 0xd0000000, ErrorCode::kDoesNotFit, "where guests have no memory"},
      {5 * kGiB, 4 * kGiB, ErrorCode::kBadImage, "kernels start below 4 GiB"},
      {5 * kGiB, 0xffffffff81000000, ErrorCode::kBadImage, "kernels start below 4 GiB"},
      {64 * kMiB, 0xff000, ErrorCode::kBadImage, "below 1 MiB, where the boot data is"},
  };
  for (const Case& test : cases) {
    const GuestMemory memory = MakeMemory(test.memory);
    const auto kernel = Load(
        BuildElf({.entry = test.address, .segments = {{test.address, 0x2000, Bytes(0x2000, 1)}}}),
        memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_EQ(kernel.error().code, test.code) << kernel.error().message;
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
  }
}

}  // namespace
}  // namespace vmtest
