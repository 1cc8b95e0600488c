// Places an arm64 Image (Linux Documentation/arch/arm64/booting.rst, "Call the kernel image"):
//
//   memory:  2 MiB boundary | text_offset | image ... + image_size
//
// The file ends where the kernel's zeroed data begins; image_size counts that, too.
#include <fmt/format.h>

#include <bit>

#include "base/check.h"
#include "boot/arm64_layout.h"
#include "boot/kernel_loader.h"

// Header fields are copied as they lie in the file.
static_assert(std::endian::native == std::endian::little);

namespace vmtest {
namespace {

struct Header {
  uint32_t code[2];
  uint64_t text_offset;
  uint64_t image_size;
  uint64_t flags;
  uint64_t reserved[3];
  uint32_t magic;
  uint32_t pe_header;
};
static_assert(sizeof(Header) == 64);

constexpr uint64_t kFlagBigEndian = 1U << 0;
constexpr unsigned kFlagPageSizeShift = 1;
constexpr uint64_t kFlagPageSizeMask = 3;

// COMMAND_LINE_SIZE (Linux, arch/arm64/include/uapi/asm/setup.h) less the NUL.
constexpr uint32_t kCmdlineMax = 2047;

// No kernel is near this; sums of header fields stay far from wrapping.
constexpr uint64_t kMost = 4 * kGiB;

// "Kernel page size": 0 unspecified, 1 4K, 2 16K, 3 64K.
uint32_t PageSize(uint64_t flags) {
  const uint64_t field = (flags >> kFlagPageSizeShift) & kFlagPageSizeMask;
  return field == 0 ? 0 : 1U << (10 + 2 * field);
}

}  // namespace

Result<LoadedKernel> LoadArm64Image(const ImageFile& file, const GuestMemory& memory) {
  if (file.size() < sizeof(Header)) {
    return file.Bad("is truncated: it ends inside its header");
  }
  const auto header = VM_TRY(file.ReadAs<Header>(0));
  if ((header.flags & kFlagBigEndian) != 0) {
    return file.Bad("is built big-endian; a little-endian one is needed");
  }
  if (header.image_size == 0) {
    // booting.rst: then "a bootloader should attempt to keep as much memory as possible free".
    return file.Bad("does not say how much memory it needs; Linux 3.17 or newer is needed");
  }
  if (header.image_size < file.size() || header.image_size > kMost || header.text_offset > kMost) {
    return file.Bad(fmt::format("is damaged: its header says {} bytes at {:#x}, the file has {}",
                                header.image_size, header.text_offset, file.size()));
  }
  // The beginning of RAM is a boundary of 2 MiB, and the closest to itself (flag 3).
  const GuestAddress start = arm64::kRam + header.text_offset;
  const AddressRange range = {start, start + header.image_size};
  const GuestAddress limit = arm64::DeviceTreeAddress(memory);
  if (range.end > limit) {
    return Fail(ErrorCode::kDoesNotFit,
                fmt::format("the kernel needs {} of guest memory to start in, and {} beside it; "
                            "this guest has {}",
                            FormatSize(range.end - arm64::kRam), FormatSize(arm64::kDeviceTreeSize),
                            FormatSize(memory.size())));
  }
  const auto bytes = memory.Bytes(range.start, file.size());
  VMTEST_CHECK(bytes.has_value());  // below the device tree, which lies in memory
  VM_TRY(file.Read(0, *bytes));
  return LoadedKernel{.protocol = EntryProtocol::kArm64,
                      .entry = range.start,
                      .range = range,
                      .initrd_floor = arm64::kRam,
                      .initrd_limit = limit,
                      .cmdline_max = kCmdlineMax,
                      .page_size = PageSize(header.flags)};
}

}  // namespace vmtest
