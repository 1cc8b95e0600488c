#include "virtio/blk/disk_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

namespace vmtest {
namespace {

std::string_view KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a pipe";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
      return "a character device";
    default:
      return "something else";
  }
}

Result<uint64_t> SizeOf(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) < 0) {
    return FailErrno("look at the disk");
  }
  if (S_ISREG(status.st_mode)) {
    return static_cast<uint64_t>(status.st_size);
  }
  if (!S_ISBLK(status.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a disk must be a regular file or a block device, and this is {}",
                            KindOf(status.st_mode)));
  }
  uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) < 0) {
    return FailErrno("ask for the size of the block device");
  }
  return size;
}

Result<> CheckAccess(int fd, DiskFile::Access access) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) {
    return FailErrno("look at the disk");
  }
  const int mode = flags & O_ACCMODE;
  const bool readable = (flags & O_PATH) == 0 && mode != O_WRONLY;
  if (!readable || (access == DiskFile::Access::kExclusive && mode != O_RDWR)) {
    return Fail(ErrorCode::kPermission,
                readable ? "the disk is not open for writing" : "the disk is not open for reading");
  }
  // O_APPEND would send every write to the end of the file, whatever its offset (pwrite(2), BUGS).
  if (access == DiskFile::Access::kExclusive && (flags & O_APPEND) != 0) {
    return Fail(ErrorCode::kInvalidArgument, "the disk is open for appending");
  }
  return {};
}

Result<> Lock(int fd, DiskFile::Access access) {
  const bool exclusive = access == DiskFile::Access::kExclusive;
  struct flock lock{};
  lock.l_type = exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0 || errno == ENOLCK || errno == EOPNOTSUPP) {
    return {};
  }
  if (errno == EAGAIN || errno == EACCES) {
    return Fail(ErrorCode::kBusy, exclusive
                                      ? "another guest uses this disk, so it cannot be written to"
                                      : "another guest writes to this disk");
  }
  return FailErrno("lock the disk");
}

// Calls `move(pieces, count, offset)`, preadv or pwritev, until every byte has moved.
template <typename Move>
Result<> MoveAll(std::span<const iovec> pieces, uint64_t offset, std::string_view what, Move move) {
  std::vector<iovec> rest(pieces.begin(), pieces.end());
  size_t first = 0;
  while (true) {
    while (first < rest.size() && rest[first].iov_len == 0) {
      ++first;
    }
    if (first == rest.size()) {
      return {};
    }
    const size_t count = std::min<size_t>(rest.size() - first, IOV_MAX);
    const ssize_t moved = move(&rest[first], static_cast<int>(count), static_cast<off_t>(offset));
    if (moved < 0) {
      if (errno == EINTR) {
        continue;
      }
      return FailErrno(what);
    }
    if (moved == 0) {
      return Fail(ErrorCode::kIo, fmt::format("{}: it has become shorter", what));
    }
    offset += static_cast<uint64_t>(moved);
    auto left = static_cast<size_t>(moved);
    while (left > 0) {
      iovec& piece = rest[first];
      const size_t step = std::min(left, piece.iov_len);
      piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + step;
      piece.iov_len -= step;
      left -= step;
      if (piece.iov_len == 0) {
        ++first;
      }
    }
  }
}

}  // namespace

Result<DiskFile> DiskFile::Open(UniqueFd fd, Access access) {
  const uint64_t size = VM_TRY(SizeOf(fd.get()));
  VM_TRY(CheckAccess(fd.get(), access));
  VM_TRY(Lock(fd.get(), access));
  return DiskFile(std::move(fd), size);
}

Result<> DiskFile::ReadV(std::span<const iovec> pieces, uint64_t offset) const {
  return MoveAll(pieces, offset, "read from the disk",
                 [this](const iovec* first, int count, off_t at) {
                   return ::preadv(fd_.get(), first, count, at);
                 });
}

Result<> DiskFile::WriteV(std::span<const iovec> pieces, uint64_t offset) const {
  return MoveAll(pieces, offset, "write to the disk",
                 [this](const iovec* first, int count, off_t at) {
                   return ::pwritev(fd_.get(), first, count, at);
                 });
}

Result<> DiskFile::Sync() const {
  if (::fdatasync(fd_.get()) < 0) {
    return FailErrno("flush the disk");
  }
  return {};
}

bool DiskFile::PunchHole(uint64_t offset, uint64_t length) const {
  return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     static_cast<off_t>(offset), static_cast<off_t>(length)) == 0;
}

Result<> DiskFile::WriteZeroes(uint64_t offset, uint64_t length) const {
  if (::fallocate(fd_.get(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                  static_cast<off_t>(length)) == 0) {
    return {};
  }
  static constexpr std::array<uint8_t, size_t{64} * 1024> kZeroes{};
  // writev does not write through the pointer, it only shares the type with readv.
  void* const zeroes = const_cast<uint8_t*>(kZeroes.data());
  while (length > 0) {
    const uint64_t step = std::min<uint64_t>(length, kZeroes.size());
    const iovec piece{.iov_base = zeroes, .iov_len = static_cast<size_t>(step)};
    VM_TRY(WriteV(std::span(&piece, 1), offset));
    offset += step;
    length -= step;
  }
  return {};
}

Result<> DiskFile::Resize(uint64_t size) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) < 0) {
    return FailErrno("set the size of the disk");
  }
  size_ = size;
  return {};
}

std::vector<iovec> SliceIovecs(std::span<const iovec> pieces, uint64_t offset, uint64_t length) {
  std::vector<iovec> slice;
  for (const iovec& piece : pieces) {
    if (length == 0) {
      break;
    }
    if (offset >= piece.iov_len) {
      offset -= piece.iov_len;
      continue;
    }
    const auto size = static_cast<size_t>(std::min<uint64_t>(length, piece.iov_len - offset));
    slice.push_back({.iov_base = static_cast<uint8_t*>(piece.iov_base) + offset, .iov_len = size});
    length -= size;
    offset = 0;
  }
  return slice;
}

uint64_t IovecsSize(std::span<const iovec> pieces) {
  uint64_t size = 0;
  for (const iovec& piece : pieces) {
    size += piece.iov_len;
  }
  return size;
}

}  // namespace vmtest
