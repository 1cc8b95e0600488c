#include "boot/image_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "memory/guest_memory.h"

namespace vmtest {

Result<ImageFile> ImageFile::Open(const UniqueFd& fd, std::string_view what) {
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) {
    return FailErrno(fmt::format("examine the {}", what));
  }
  if (S_ISDIR(status.st_mode)) {
    return Fail(ErrorCode::kBadImage, fmt::format("the {} is a directory", what));
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kBadImage, fmt::format("the {} is not a regular file", what));
  }
  if (status.st_size == 0) {
    return Fail(ErrorCode::kBadImage, fmt::format("the {} is an empty file", what));
  }
  return ImageFile(fd.get(), static_cast<uint64_t>(status.st_size), what);
}

Result<> ImageFile::Read(uint64_t offset, std::span<uint8_t> out) const {
  if (!Contains(offset, out.size())) {
    return Bad(fmt::format("is truncated: {} bytes at byte {} are needed, the file has {}",
                           out.size(), offset, size_));
  }
  while (!out.empty()) {
    // One read moves at most 2 GiB (read(2)).
    const ssize_t got =
        ::pread(fd_, out.data(), std::min<uint64_t>(out.size(), kGiB), static_cast<off_t>(offset));
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return FailErrno(fmt::format("read the {}", what_));
    }
    if (got == 0) {
      return Bad(fmt::format("became shorter while it was read: it had {} bytes, now it ends at {}",
                             size_, offset));
    }
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
  return {};
}

tl::unexpected<Error> ImageFile::Bad(std::string_view message) const {
  return Fail(ErrorCode::kBadImage, fmt::format("the {} {}", what_, message));
}

std::string FormatSize(uint64_t bytes) {
  struct Unit {
    uint64_t size;
    const char* name;
  };
  for (const Unit unit : {Unit{kMiB, "MiB"}, Unit{kKiB, "KiB"}}) {
    if (bytes >= unit.size) {
      const uint64_t whole = bytes / unit.size;
      // Tenths, rounded up: "needs 64.1 MiB, has 64 MiB" must not read as "needs 64, has 64".
      const uint64_t tenths = ((bytes % unit.size) * 10 + unit.size - 1) / unit.size;
      return tenths == 0    ? fmt::format("{} {}", whole, unit.name)
             : tenths == 10 ? fmt::format("{} {}", whole + 1, unit.name)
                            : fmt::format("{}.{} {}", whole, tenths, unit.name);
    }
  }
  return fmt::format("{} B", bytes);
}

}  // namespace vmtest
