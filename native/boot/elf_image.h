// A 64-bit ELF kernel as checked values: what the file says, before anything is done about it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "boot/image_file.h"
#include "boot/loaded_kernel.h"

namespace vmtest {

struct ElfSegment {
  uint64_t offset;     // in the file
  uint64_t file_size;  // bytes there
  AddressRange range;  // where it goes; longer than file_size by the .bss
};

struct ElfImage {
  uint64_t entry;                     // e_entry
  std::optional<uint64_t> pvh_entry;  // from the note XEN_ELFNOTE_PHYS32_ENTRY
  std::vector<ElfSegment> segments;   // by address; they do not overlap; none is empty
  AddressRange range;                 // of all segments
};

// Refuses what is not an executable kernel for `machine` (EM_X86_64), and whatever contradicts
// itself or the length of the file.
Result<ElfImage> ParseElf(const ImageFile& file, uint16_t machine);

}  // namespace vmtest
