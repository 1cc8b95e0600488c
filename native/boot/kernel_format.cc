#include "boot/kernel_format.h"

#include <algorithm>

namespace vmtest {
namespace {

using namespace std::string_view_literals;

struct Magic {
  size_t offset;
  std::string_view bytes;
  KernelFormat format;
  std::string_view description;
};

constexpr auto kOther = KernelFormat::kOther;

// The first match wins. An EFI stub makes kernels of every architecture begin with "MZ", so the
// architecture's own magic comes before that.
constexpr Magic kMagics[] = {
    {0,
     "\x7f"
     "ELF"sv,
     KernelFormat::kElf, "is an ELF file"sv},
    {0x202, "HdrS"sv, KernelFormat::kBzImage, "is an x86 bzImage"sv},
    // Linux Documentation/arch/arm64/booting.rst and arch/riscv/boot-image-header.rst.
    {0x38, "ARM\x64"sv, KernelFormat::kArm64Image, "is an aarch64 image"sv},
    {0x38, "RSC\x05"sv, kOther, "is a riscv64 image"sv},
    {0x24, "\x18\x28\x6f\x01"sv, kOther, "is a 32-bit ARM zImage"sv},
    {4, "zimg"sv, kOther, "is a compressed EFI zboot image; give the vmlinux or Image inside it"sv},
    {0, "\x1f\x8b"sv, kOther, "is compressed with gzip: decompress it first (gunzip)"sv},
    {0, "\x28\xb5\x2f\xfd"sv, kOther, "is compressed with zstd: decompress it first (unzstd)"sv},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     kOther, "is compressed with xz: decompress it first (unxz)"sv},
    {0, "\x04\x22\x4d\x18"sv, kOther, "is compressed with lz4: decompress it first (unlz4)"sv},
    {0, "\x02\x21\x4c\x18"sv, kOther, "is compressed with lz4: decompress it first (unlz4)"sv},
    {0, "\x5d\0\0"sv, kOther, "is compressed with lzma: decompress it first (unlzma)"sv},
    {0, "BZh"sv, kOther, "is compressed with bzip2: decompress it first (bunzip2)"sv},
    {0, "\x89LZO"sv, kOther, "is compressed with lzop: decompress it first (lzop -d)"sv},
    {0, "\x27\x05\x19\x56"sv, kOther, "is a U-Boot uImage; give the kernel inside it"sv},
    {0, "ANDROID!"sv, kOther, "is an Android boot image; give the kernel inside it"sv},
    {0, "07070"sv, kOther, "is a cpio archive: is it the initrd?"sv},
    {0, "!<arch>"sv, kOther, "is an ar archive (a Debian package?); give the kernel inside it"sv},
    {0, "\xed\xab\xee\xdb"sv, kOther, "is an RPM package; give the kernel inside it"sv},
    {0, "QFI\xfb"sv, kOther, "is a qcow2 disk image"sv},
    {0, "#!"sv, kOther, "is a script"sv},
    {0, "version https://git-lfs"sv, kOther, "is a Git LFS pointer: fetch the file itself"sv},
};

bool LooksLikeText(std::span<const uint8_t> head) {
  return std::ranges::all_of(head, [](uint8_t byte) {
    return byte == '\n' || byte == '\r' || byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

}  // namespace

KernelProbe ProbeKernel(std::span<const uint8_t> head) {
  for (const Magic& magic : kMagics) {
    if (head.size() >= magic.offset + magic.bytes.size() &&
        std::ranges::equal(head.subspan(magic.offset, magic.bytes.size()), magic.bytes,
                           [](uint8_t byte, char c) { return byte == static_cast<uint8_t>(c); })) {
      return {magic.format, magic.description};
    }
  }
  if (head.size() >= 2 && head[0] == 'M' && head[1] == 'Z') {
    return {kOther, head.size() < kKernelProbeSize ? "is truncated: it ends inside its header"sv
                                                   : "is an EFI program, not a Linux kernel"sv};
  }
  return {kOther, LooksLikeText(head)
                      ? "is a text file"sv
                      : "is neither an ELF vmlinux nor a bzImage nor an aarch64 Image"sv};
}

}  // namespace vmtest
