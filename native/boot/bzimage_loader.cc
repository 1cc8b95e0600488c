// Places a bzImage for the 64-bit boot protocol (Linux Documentation/arch/x86/boot.rst):
//
//   file:    boot sector + setup code | protected-mode kernel, syssize * 16 bytes | signature
//   memory:                              pref_address ... + init_size
//
// The protected-mode part decompresses itself inside [pref_address, pref_address + init_size).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "boot/kernel_loader.h"
#include "boot/setup_header.h"
#include "boot/x86_layout.h"

// Header fields are copied as they lie in the file.
static_assert(std::endian::native == std::endian::little);

namespace vmtest {
namespace {

constexpr uint64_t kSector = 512;
constexpr uint64_t kEntry64Offset = 0x200;  // "64-bit Boot Protocol": startup_64

struct BzImage {
  uint64_t payload_offset;  // of the protected-mode kernel in the file
  uint64_t payload_size;
  AddressRange range;  // starts with the payload; as long as the kernel needs to unpack itself
  GuestAddress initrd_limit;
  uint32_t cmdline_max;
  std::vector<uint8_t> setup_header;
};

using Header = std::array<uint8_t, setup::kHeaderEnd>;

// xloadflags came with 2.12; everything else that is read here is older.
Result<> CheckProtocol(const ImageFile& file, const Header& header) {
  const auto version = setup::Get<uint16_t>(header, setup::kVersion);
  if (setup::Get<uint16_t>(header, setup::kBootFlag) != setup::kBootFlagValue ||
      setup::Get<uint32_t>(header, setup::kMagic) != setup::kMagicValue) {
    return file.Bad("is not a bzImage: its setup header is damaged");
  }
  if (version < 0x020c) {
    return file.Bad(fmt::format("speaks boot protocol {}.{:02}; 2.12 is needed (Linux 3.8)",
                                version >> 8, version & 0xff));
  }
  if ((setup::Get<uint8_t>(header, setup::kLoadflags) & setup::kLoadedHigh) == 0) {
    return file.Bad("is a zImage, which loads below 1 MiB; build a bzImage");
  }
  if ((setup::Get<uint16_t>(header, setup::kXloadflags) & setup::kXlfKernel64) == 0) {
    return file.Bad("is built for 32-bit x86; this engine runs x86_64");
  }
  return {};
}

Result<AddressRange> LoadRange(const ImageFile& file, const Header& header, uint64_t size) {
  const auto preferred = setup::Get<uint64_t>(header, setup::kPrefAddress);
  const uint64_t alignment = setup::Get<uint32_t>(header, setup::kKernelAlignment);
  const uint64_t init_size = setup::Get<uint32_t>(header, setup::kInitSize);
  const bool relocatable = setup::Get<uint8_t>(header, setup::kRelocatableKernel) != 0;
  if (!std::has_single_bit(alignment) || preferred > x86::kMmioHoleEnd) {
    return file.Bad(
        fmt::format("has a damaged setup header: preferred address {:#x}, alignment {:#x}",
                    preferred, alignment));
  }
  // A relocatable kernel moves up to the next multiple of its alignment and never below
  // pref_address ("init_size"), so nothing is gained by loading it lower in a small guest.
  const uint64_t run =
      relocatable ? (preferred + alignment - 1) / alignment * alignment : preferred;
  return AddressRange{preferred, std::max(preferred + size, run + init_size)};
}

Result<BzImage> ParseBzImage(const ImageFile& file) {
  if (file.size() < setup::kHeaderEnd) {
    return file.Bad("is truncated: it ends inside the setup header");
  }
  const Header header = VM_TRY(file.ReadAs<Header>(0));
  VM_TRY(CheckProtocol(file, header));

  const auto sectors = setup::Get<uint8_t>(header, setup::kSetupSects);
  // "If the setup_sects field contains 0, the real value is 4"; plus the boot sector.
  const uint64_t offset = ((sectors == 0 ? 4 : sectors) + 1ULL) * kSector;
  const uint64_t size = setup::Get<uint32_t>(header, setup::kSyssize) * 16ULL;
  if (size <= kEntry64Offset) {
    return file.Bad("has a damaged setup header: it holds no kernel");
  }
  if (!file.Contains(offset, size)) {
    return file.Bad(fmt::format("is truncated: it should have {} bytes and has {}", offset + size,
                                file.size()));
  }

  const auto flags = setup::Get<uint16_t>(header, setup::kXloadflags);
  const uint64_t highest = setup::Get<uint32_t>(header, setup::kInitrdAddrMax);
  const size_t header_end =
      std::min<size_t>(setup::kMagic + header[setup::kHeaderLength], setup::kHeaderEnd);
  return BzImage{
      .payload_offset = offset,
      .payload_size = size,
      .range = VM_TRY(LoadRange(file, header, size)),
      .initrd_limit = (flags & setup::kXlfAbove4G) != 0 ? x86::kMmioHoleEnd : highest + 1,
      .cmdline_max = setup::Get<uint32_t>(header, setup::kCmdlineSize),
      .setup_header = {header.begin() + setup::kHeader,
                       header.begin() + static_cast<ptrdiff_t>(header_end)},
  };
}

}  // namespace

Result<LoadedKernel> LoadBzImage(const ImageFile& file, const GuestMemory& memory) {
  BzImage image = VM_TRY(ParseBzImage(file));
  VM_TRY(CheckKernelRange(file, image.range, memory));
  const auto bytes = memory.Bytes(image.range.start, image.payload_size);
  VMTEST_CHECK(bytes.has_value());  // a part of image.range
  VM_TRY(file.Read(image.payload_offset, *bytes));
  return LoadedKernel{
      .protocol = EntryProtocol::kLinux64,
      .entry = image.range.start + kEntry64Offset,
      .range = image.range,
      .initrd_floor = x86::kHighMemory,
      .initrd_limit = image.initrd_limit,
      .cmdline_max = image.cmdline_max,
      .setup_header = std::move(image.setup_header),
  };
}

}  // namespace vmtest
