#include "boot/elf_image.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "boot/elf_notes.h"

// Headers are copied as they lie in the file.
static_assert(std::endian::native == std::endian::little);

namespace vmtest {
namespace {

// A vmlinux has about five. The bound keeps a lie of the header from costing 65535 reads.
constexpr uint16_t kMaxProgramHeaders = 256;

// Linux maps its whole image in one window of 1 GiB (KERNEL_IMAGE_SIZE), so no kernel is larger.
// Without a bound, a .bss of 60 GiB in a large guest would be cleared page by page.
constexpr uint64_t kMaxImageSize = 1 * kGiB;

std::string MachineName(uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86_64";
    case EM_AARCH64:
      return "aarch64";
    case EM_386:
      return "32-bit x86";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
    case EM_LOONGARCH:
      return "LoongArch";
    default:
      return fmt::format("foreign (ELF machine {})", machine);
  }
}

std::string WrongMachine(uint16_t machine, uint16_t wanted) {
  return fmt::format("is built for {}; this engine runs {}", MachineName(machine),
                     MachineName(wanted));
}

// Class, byte order and machine come first: the layout of the rest depends on them.
Result<> CheckIdent(const ImageFile& file, uint16_t wanted) {
  uint8_t head[EI_NIDENT + 4];  // e_ident, e_type, e_machine
  if (file.size() < sizeof(head)) {
    return file.Bad("is truncated: it ends inside the ELF header");
  }
  VM_TRY(file.Read(0, head));
  const uint8_t order = head[EI_DATA];
  if (order != ELFDATA2LSB && order != ELFDATA2MSB) {
    return file.Bad("has a damaged ELF header: no such byte order");
  }
  const size_t low = order == ELFDATA2LSB ? EI_NIDENT + 2 : EI_NIDENT + 3;
  const size_t high = order == ELFDATA2LSB ? EI_NIDENT + 3 : EI_NIDENT + 2;
  const auto machine = static_cast<uint16_t>(head[low] | (head[high] << 8));
  if (machine != wanted) {
    return file.Bad(WrongMachine(machine, wanted));
  }
  if (order != ELFDATA2LSB) {
    return file.Bad("is big-endian");
  }
  if (head[EI_CLASS] != ELFCLASS64) {
    return file.Bad("is a 32-bit ELF file; this engine runs 64-bit kernels");
  }
  return {};
}

Result<Elf64_Ehdr> ReadHeader(const ImageFile& file) {
  if (file.size() < sizeof(Elf64_Ehdr)) {
    return file.Bad("is truncated: it ends inside the ELF header");
  }
  const auto header = VM_TRY(file.ReadAs<Elf64_Ehdr>(0));
  // A kernel that is position-independent is ET_DYN; p_paddr still says where it wants to lie.
  if (header.e_type == ET_REL) {
    return file.Bad("is a relocatable object (a kernel module?), not a kernel");
  }
  if (header.e_type == ET_CORE) {
    return file.Bad("is a core dump, not a kernel");
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return file.Bad(fmt::format("is an ELF file of type {}, not an executable", header.e_type));
  }
  if (header.e_phnum == 0) {
    return file.Bad("has no program headers: nothing to load");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum > kMaxProgramHeaders) {
    return file.Bad(fmt::format("has a damaged ELF header: {} program headers of {} bytes",
                                header.e_phnum, header.e_phentsize));
  }
  if (!file.Contains(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr))) {
    return file.Bad("is truncated: its program headers lie outside the file");
  }
  return header;
}

Result<ElfSegment> ParseSegment(const ImageFile& file, const Elf64_Phdr& header, unsigned index) {
  if (!file.Contains(header.p_offset, header.p_filesz)) {
    return file.Bad(
        fmt::format("is truncated: its segment {} is {} bytes at byte {} of the file, which has {}",
                    index, header.p_filesz, header.p_offset, file.size()));
  }
  if (header.p_filesz > header.p_memsz) {
    return file.Bad(fmt::format("has a damaged segment {}: {} bytes in the file for {} in memory",
                                index, header.p_filesz, header.p_memsz));
  }
  if (header.p_memsz > kMaxImageSize || header.p_paddr > UINT64_MAX - header.p_memsz) {
    return file.Bad(fmt::format("has a damaged segment {}: {} bytes at address {:#x}", index,
                                header.p_memsz, header.p_paddr));
  }
  return ElfSegment{.offset = header.p_offset,
                    .file_size = header.p_filesz,
                    .range = {header.p_paddr, header.p_paddr + header.p_memsz}};
}

Result<> CheckSegments(const ImageFile& file, ElfImage& image) {
  if (image.segments.empty()) {
    return file.Bad("has no segments to load");
  }
  std::ranges::sort(image.segments, {}, [](const ElfSegment& s) { return s.range.start; });
  for (size_t i = 1; i < image.segments.size(); ++i) {
    const AddressRange& before = image.segments[i - 1].range;
    const AddressRange& after = image.segments[i].range;
    if (before.Overlaps(after)) {
      return file.Bad(fmt::format("has overlapping segments: {:#x}-{:#x} and {:#x}-{:#x}",
                                  before.start, before.end, after.start, after.end));
    }
  }
  image.range = {image.segments.front().range.start, image.segments.back().range.end};
  if (image.range.size() > kMaxImageSize) {
    return file.Bad(fmt::format("spreads over {} of memory; a kernel takes at most {}",
                                FormatSize(image.range.size()), FormatSize(kMaxImageSize)));
  }
  return {};
}

}  // namespace

Result<ElfImage> ParseElf(const ImageFile& file, uint16_t machine) {
  VM_TRY(CheckIdent(file, machine));
  const Elf64_Ehdr header = VM_TRY(ReadHeader(file));
  ElfImage image = {.entry = header.e_entry, .pvh_entry = {}, .segments = {}, .range = {}};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const auto segment = VM_TRY(file.ReadAs<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr)));
    switch (segment.p_type) {
      case PT_LOAD:
        if (segment.p_memsz > 0) {
          image.segments.push_back(VM_TRY(ParseSegment(file, segment, i)));
        }
        break;
      case PT_NOTE:
        if (!image.pvh_entry.has_value()) {
          image.pvh_entry =
              VM_TRY(FindPvhEntry(file, segment.p_offset, segment.p_filesz, segment.p_align));
        }
        break;
      case PT_INTERP:
        return file.Bad("is a program for user space, not a kernel");
      default:
        break;
    }
  }
  VM_TRY(CheckSegments(file, image));
  return image;
}

}  // namespace vmtest
