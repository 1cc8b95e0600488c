// Files that are no kernel at all: each is named for what it is.
#include "boot/kernel_loader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string_view>

#include "boot/kernel_format.h"
#include "boot/test_images.h"

namespace vmtest {
namespace {

using namespace std::string_view_literals;
using test_images::Bytes;
using test_images::MakeFile;
using test_images::MakeMemory;
using testing::HasSubstr;

struct Case {
  std::string_view contents;
  size_t offset;  // of them in a file of zeros
  size_t size;    // of the file
  const char* message;
};

const Case kCases[] = {
    {"MZ"sv, 0, 4096, "is an EFI program, not a Linux kernel"},
    {"MZ"sv, 0, 300, "is truncated: it ends inside its header"},
    {"ARM\x64"sv, 0x38, 4096, "is an aarch64 image; this engine runs x86_64"},
    {"RSC\x05"sv, 0x38, 4096, "is a riscv64 image"},
    {"\x18\x28\x6f\x01"sv, 0x24, 4096, "is a 32-bit ARM zImage"},
    {"MZ\0\0zimg"sv, 0, 4096, "is a compressed EFI zboot image"},
    {"\x1f\x8b\x08"sv, 0, 4096, "is compressed with gzip: decompress it first (gunzip)"},
    {"\x28\xb5\x2f\xfd"sv, 0, 4096, "is compressed with zstd"},
    {"\xfd"
     "7zXZ\0"sv,
     0, 4096, "is compressed with xz"},
    {"\x04\x22\x4d\x18"sv, 0, 4096, "is compressed with lz4"},
    {"\x02\x21\x4c\x18"sv, 0, 4096, "is compressed with lz4"},
    {"\x5d\0\0"sv, 0, 4096, "is compressed with lzma"},
    {"BZh9"sv, 0, 4096, "is compressed with bzip2"},
    {"\x89LZO"sv, 0, 4096, "is compressed with lzop"},
    {"\x27\x05\x19\x56"sv, 0, 4096, "is a U-Boot uImage"},
    {"ANDROID!"sv, 0, 4096, "is an Android boot image"},
    {"070701"sv, 0, 4096, "is a cpio archive: is it the initrd?"},
    {"!<arch>\n"sv, 0, 4096, "is an ar archive (a Debian package?)"},
    {"\xed\xab\xee\xdb"sv, 0, 4096, "is an RPM package"},
    {"QFI\xfb"sv, 0, 4096, "is a qcow2 disk image"},
    {"#!/bin/sh\n"sv, 0, 10, "is a script"},
    {"version https://git-lfs.github.com/spec/v1\n"sv, 0, 43, "is a Git LFS pointer"},
    {"<html>Not Found</html>\n"sv, 0, 23, "is a text file"},
    {""sv, 0, 4096, "is neither an ELF vmlinux nor a bzImage nor an aarch64 Image"},
    {""sv, 0, 1, "is neither an ELF vmlinux nor a bzImage nor an aarch64 Image"},
    {"\x7f"
     "EL"sv,
     0, 3, "is neither an ELF vmlinux nor a bzImage nor an aarch64 Image"},
    {""sv, 0, 0, "the kernel is an empty file"},
};

TEST(KernelLoader, NamesWhatIsNotAKernel) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  for (const Case& test : kCases) {
    Bytes file(test.size);
    std::ranges::copy(test.contents, file.begin() + static_cast<ptrdiff_t>(test.offset));
    const auto kernel = LoadX86Kernel(MakeFile(file), memory);
    ASSERT_FALSE(kernel.has_value()) << test.message;
    EXPECT_EQ(kernel.error().code, ErrorCode::kBadImage);
    EXPECT_THAT(kernel.error().message, HasSubstr(test.message));
  }
}

TEST(KernelLoader, RefusesWhatIsNotAFile) {
  const GuestMemory memory = MakeMemory(64 * kMiB);
  const UniqueFd folder(::open(".", O_RDONLY | O_CLOEXEC));
  auto kernel = LoadX86Kernel(folder, memory);
  ASSERT_FALSE(kernel.has_value());
  EXPECT_EQ(kernel.error().message, "the kernel is a directory");

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  kernel = LoadX86Kernel(reader, memory);
  ASSERT_FALSE(kernel.has_value());
  EXPECT_EQ(kernel.error().message, "the kernel is not a regular file");

  kernel = LoadX86Kernel(UniqueFd(), memory);
  ASSERT_FALSE(kernel.has_value());
  EXPECT_EQ(kernel.error().os_error, EBADF);
}

TEST(KernelLoader, SaysWhenTheFileCannotBeRead) {
  const UniqueFd file(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  const auto kernel = LoadX86Kernel(file, MakeMemory(64 * kMiB));
  ASSERT_FALSE(kernel.has_value());
  EXPECT_THAT(kernel.error().message, HasSubstr("read the kernel"));
}

TEST(ImageFile, NoticesAFileThatShrinks) {
  const UniqueFd fd = MakeFile(Bytes(100, 1));
  const auto file = ImageFile::Open(fd, "initrd");
  ASSERT_TRUE(file.has_value());
  ASSERT_EQ(::ftruncate(fd.get(), 60), 0);
  Bytes out(100);
  const auto read = file->Read(0, out);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message,
            "the initrd became shorter while it was read: it had 100 bytes, now it ends at 60");
}

TEST(FormatSize, RoundsUpToTenths) {
  EXPECT_EQ(FormatSize(0), "0 B");
  EXPECT_EQ(FormatSize(1023), "1023 B");
  EXPECT_EQ(FormatSize(1024), "1 KiB");
  EXPECT_EQ(FormatSize(1025), "1.1 KiB");
  EXPECT_EQ(FormatSize(2 * kMiB - 1), "2 MiB");
  EXPECT_EQ(FormatSize(300 * kMiB), "300 MiB");
  EXPECT_EQ(FormatSize(67 * kMiB + kMiB / 2), "67.5 MiB");
}

}  // namespace
}  // namespace vmtest
