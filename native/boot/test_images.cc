#include "boot/test_images.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>

#include "base/check.h"
#include "boot/arm64_layout.h"
#include "boot/setup_header.h"
#include "boot/x86_layout.h"

namespace vmtest::test_images {
namespace {

template <typename T>
void Append(Bytes& bytes, const T& value) {
  const auto* raw = static_cast<const uint8_t*>(static_cast<const void*>(&value));
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes.push_back(raw[i]);
  }
}

// Two notes, so that a parser has to step over one.
Bytes BuildNotes(uint64_t pvh_entry, unsigned size) {
  Bytes notes;
  Append(notes, Elf64_Nhdr{.n_namesz = 6, .n_descsz = 5, .n_type = 18});
  for (const char c : {'L', 'i', 'n', 'u', 'x', '\0', '\0', '\0', 'v', '6', '.', '1', '2'}) {
    notes.push_back(static_cast<uint8_t>(c));
  }
  notes.resize(notes.size() + 3);
  Append(notes, Elf64_Nhdr{.n_namesz = 4, .n_descsz = size, .n_type = 18});
  for (const char c : {'X', 'e', 'n', '\0'}) {
    notes.push_back(static_cast<uint8_t>(c));
  }
  for (unsigned i = 0; i < size; ++i) {
    notes.push_back(static_cast<uint8_t>(i < 8 ? pvh_entry >> (8 * i) : 0));
  }
  notes.resize((notes.size() + 3) / 4 * 4);
  return notes;
}

}  // namespace

Bytes BuildElf(const ElfSpec& spec) {
  const size_t headers = spec.segments.size() + (spec.pvh_entry.has_value() ? 1 : 0);
  Elf64_Ehdr header = {};
  header.e_ident[EI_MAG0] = ELFMAG0;
  header.e_ident[EI_MAG1] = ELFMAG1;
  header.e_ident[EI_MAG2] = ELFMAG2;
  header.e_ident[EI_MAG3] = ELFMAG3;
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = spec.entry;
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<uint16_t>(headers);

  Bytes file;
  Bytes contents;
  Append(file, header);
  const size_t contents_offset = sizeof(Elf64_Ehdr) + headers * sizeof(Elf64_Phdr);
  const auto add = [&](uint32_t type, uint64_t address, uint64_t memory_size, const Bytes& bytes) {
    Append(file, Elf64_Phdr{.p_type = type,
                            .p_flags = PF_R | PF_X,
                            .p_offset = contents_offset + contents.size(),
                            .p_vaddr = 0xffffffff80000000 + address,
                            .p_paddr = address,
                            .p_filesz = bytes.size(),
                            .p_memsz = memory_size,
                            .p_align = 4});
    contents.insert(contents.end(), bytes.begin(), bytes.end());
  };
  for (const Segment& segment : spec.segments) {
    add(PT_LOAD, segment.address, segment.memory_size, segment.contents);
  }
  if (spec.pvh_entry.has_value()) {
    const Bytes notes = BuildNotes(*spec.pvh_entry, spec.pvh_entry_size);
    add(PT_NOTE, 0, notes.size(), notes);
  }
  file.insert(file.end(), contents.begin(), contents.end());
  return file;
}

Bytes BuildBzImage(const BzImageSpec& spec) {
  Bytes file((spec.setup_sects + 1U) * 512U);
  file[0] = 'M';  // as kernels with an EFI stub begin
  file[1] = 'Z';
  setup::Put<uint8_t>(file, setup::kSetupSects, spec.setup_sects);
  setup::Put<uint32_t>(file, setup::kSyssize, static_cast<uint32_t>(spec.payload.size() / 16));
  setup::Put<uint16_t>(file, setup::kBootFlag, setup::kBootFlagValue);
  setup::Put<uint8_t>(file, setup::kHeaderLength, 0x6a);
  setup::Put<uint32_t>(file, setup::kMagic, setup::kMagicValue);
  setup::Put<uint16_t>(file, setup::kVersion, 0x020f);
  setup::Put<uint8_t>(file, setup::kLoadflags, setup::kLoadedHigh);
  setup::Put<uint32_t>(file, setup::kInitrdAddrMax, spec.initrd_addr_max);
  setup::Put<uint32_t>(file, setup::kKernelAlignment, spec.kernel_alignment);
  setup::Put<uint8_t>(file, setup::kRelocatableKernel, 1);
  setup::Put<uint16_t>(file, setup::kXloadflags, spec.xloadflags);
  setup::Put<uint32_t>(file, setup::kCmdlineSize, spec.cmdline_size);
  setup::Put<uint64_t>(file, setup::kPrefAddress, spec.pref_address);
  setup::Put<uint32_t>(file, setup::kInitSize, spec.init_size);
  file.insert(file.end(), spec.payload.begin(), spec.payload.end());
  return file;
}

Bytes BuildArm64Image(const Arm64ImageSpec& spec) {
  constexpr size_t kHeader = 64;
  Bytes file(kHeader + spec.payload.size());
  std::ranges::copy(spec.payload, file.begin() + kHeader);
  Poke(file, 8, spec.text_offset);
  Poke(file, 16, spec.image_size);
  Poke(file, 24, spec.flags);
  Poke(file, 56, uint32_t{0x644d5241});  // "ARM\x64"
  return file;
}

UniqueFd MakeFile(std::span<const uint8_t> contents) {
  UniqueFd fd(::memfd_create("test image", MFD_CLOEXEC));
  VMTEST_CHECK(fd.valid());
  while (!contents.empty()) {
    const ssize_t put = ::write(fd.get(), contents.data(), contents.size());
    VMTEST_CHECK(put > 0);
    contents = contents.subspan(static_cast<size_t>(put));
  }
  return fd;
}

UniqueFd MakeSparseFile(uint64_t size) {
  UniqueFd fd = MakeFile({});
  VMTEST_CHECK(::ftruncate(fd.get(), static_cast<off_t>(size)) == 0);
  return fd;
}

GuestMemory MakeMemory(uint64_t size) {
  std::vector<GuestMemory::Range> ranges = {{0, std::min(size, x86::kMmioHole)}};
  if (size > x86::kMmioHole) {
    ranges.push_back({x86::kMmioHoleEnd, size - x86::kMmioHole});
  }
  Result<GuestMemory> memory = GuestMemory::Create(ranges);
  VMTEST_CHECK(memory.has_value());
  return std::move(*memory);
}

GuestMemory MakeArm64Memory(uint64_t size) {
  const GuestMemory::Range range = {arm64::kRam, size};
  Result<GuestMemory> memory = GuestMemory::Create({&range, 1});
  VMTEST_CHECK(memory.has_value());
  return std::move(*memory);
}

}  // namespace vmtest::test_images
