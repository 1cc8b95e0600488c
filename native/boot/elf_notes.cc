#include "boot/elf_notes.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "memory/guest_memory.h"

namespace vmtest {
namespace {

// xen/include/public/elfnote.h: the physical address of a 32-bit entry point, 4 or 8 bytes.
constexpr uint32_t kXenPhys32Entry = 18;
constexpr std::array<char, 4> kXenName = {'X', 'e', 'n', '\0'};

// Debian's kernels have 512 bytes of notes; a segment beyond this is not notes of a kernel.
constexpr uint64_t kMaxNotes = 1 * kMiB;

constexpr uint64_t AlignUp(uint64_t value, uint64_t align) {
  return (value + align - 1) / align * align;
}

}  // namespace

Result<std::optional<uint64_t>> FindPvhEntry(const ImageFile& file, uint64_t offset, uint64_t size,
                                             uint64_t align) {
  if (size > kMaxNotes) {
    return file.Bad(fmt::format("has {} of ELF notes; at most {} make sense", FormatSize(size),
                                FormatSize(kMaxNotes)));
  }
  if (!file.Contains(offset, size)) {
    return file.Bad(
        fmt::format("is truncated: its notes are {} bytes at byte {} of the file, which has {}",
                    size, offset, file.size()));
  }
  std::vector<uint8_t> notes(size);
  VM_TRY(file.Read(offset, notes));

  const uint64_t pad = align == 8 ? 8 : 4;  // gABI, "Note Section"
  uint64_t at = 0;
  while (size - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    std::memcpy(&note, &notes[at], sizeof(note));
    // Sums of values below 2^32 and 1 MiB: nothing wraps.
    const uint64_t name = at + sizeof(note);
    const uint64_t value = AlignUp(name + note.n_namesz, pad);
    if (value + note.n_descsz > size) {
      return file.Bad(fmt::format("has a damaged ELF note at byte {}", offset + at));
    }
    if (note.n_type == kXenPhys32Entry && note.n_namesz == kXenName.size() &&
        std::memcmp(&notes[name], kXenName.data(), kXenName.size()) == 0) {
      if (note.n_descsz != 4 && note.n_descsz != 8) {
        return file.Bad(
            fmt::format("has a PVH entry note of {} bytes instead of 4 or 8", note.n_descsz));
      }
      uint64_t entry = 0;
      std::memcpy(&entry, &notes[value], note.n_descsz);
      return entry;
    }
    at = std::min(AlignUp(value + note.n_descsz, pad), size);
  }
  return std::nullopt;
}

}  // namespace vmtest
