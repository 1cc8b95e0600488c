// Places an ELF vmlinux: every PT_LOAD segment at its physical address (p_paddr).
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "boot/elf_image.h"
#include "boot/kernel_loader.h"
#include "boot/x86_layout.h"

namespace vmtest {
namespace {

// COMMAND_LINE_SIZE of x86 is 2048 with the NUL; an ELF file does not say, and the kernel would cut
// off the rest in silence.
constexpr uint32_t kLinuxCmdlineMax = 2047;

// Clears what is not clear yet: a write to a fresh page would make the host give memory for it.
void ClearBss(std::span<uint8_t> bss) {
  constexpr size_t kPage = 4096;
  while (!bss.empty()) {
    const std::span<uint8_t> page = bss.first(std::min(kPage, bss.size()));
    if (std::ranges::any_of(page, [](uint8_t byte) { return byte != 0; })) {
      std::memset(page.data(), 0, page.size());
    }
    bss = bss.subspan(page.size());
  }
}

// The entry must be in what was loaded from the file: neither .bss nor a gap holds code.
bool IsCode(const ElfImage& image, uint64_t address) {
  return std::ranges::any_of(image.segments, [address](const ElfSegment& segment) {
    return address >= segment.range.start && address - segment.range.start < segment.file_size;
  });
}

}  // namespace

Result<LoadedKernel> LoadElf(const ImageFile& file, const GuestMemory& memory) {
  const ElfImage image = VM_TRY(ParseElf(file, EM_X86_64));
  // PVH first: the kernel then builds its own page tables, and needs no zero page from us.
  const bool pvh = image.pvh_entry.has_value();
  const uint64_t entry = pvh ? *image.pvh_entry : image.entry;
  if (!IsCode(image, entry)) {
    return file.Bad(fmt::format("has its {} entry point at {:#x}, outside its segments",
                                pvh ? "PVH" : "ELF", entry));
  }
  VM_TRY(CheckKernelRange(file, image.range, memory));
  for (const ElfSegment& segment : image.segments) {
    const auto bytes = memory.Bytes(segment.range.start, segment.range.size());
    VMTEST_CHECK(bytes.has_value());  // a part of image.range
    VM_TRY(file.Read(segment.offset, bytes->first(segment.file_size)));
    ClearBss(bytes->subspan(segment.file_size));
  }
  return LoadedKernel{
      .protocol = pvh ? EntryProtocol::kPvh32 : EntryProtocol::kLinux64,
      .entry = entry,
      .range = image.range,
      // No header says otherwise, and every 64-bit Linux takes an initrd anywhere below 4 GiB.
      .initrd_floor = x86::kHighMemory,
      .initrd_limit = x86::kMmioHoleEnd,
      .cmdline_max = kLinuxCmdlineMax,
      .setup_header = {},
  };
}

}  // namespace vmtest
