// ELF notes: the one a PVH kernel declares its entry point with.
#pragma once

#include <cstdint>
#include <optional>

#include "boot/image_file.h"

namespace vmtest {

// The value of XEN_ELFNOTE_PHYS32_ENTRY among the notes in [offset, offset + size) of the file, or
// nothing. `align` is p_align of the segment; it pads names and values to 4 or 8 bytes.
Result<std::optional<uint64_t>> FindPvhEntry(const ImageFile& file, uint64_t offset, uint64_t size,
                                             uint64_t align);

}  // namespace vmtest
