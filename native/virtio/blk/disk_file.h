// DiskFile: an open file or block device that a guest uses as a disk, checked and locked.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vmtest {

class DiskFile {
 public:
  enum class Access {
    kShared,     // we only read; others may, too
    kExclusive,  // we write; nobody else may even read
  };

  // Takes the descriptor of a regular file or block device and locks it for as long as the open
  // file lives (an open-file-description lock: it goes when the last descriptor of it is closed,
  // even by kill -9). kBusy when another guest's lock is in the way, kInvalidArgument when it
  // cannot be a disk, kPermission when it is not open for what `access` needs. A file system
  // without locks is taken as it is.
  static Result<DiskFile> Open(UniqueFd fd, Access access);

  // In bytes, as it was when opened.
  uint64_t size() const { return size_; }

  // All the bytes, or an Error; kIo when the file has become shorter.
  Result<> ReadV(std::span<const iovec> pieces, uint64_t offset) const;
  Result<> WriteV(std::span<const iovec> pieces, uint64_t offset) const;
  Result<> Sync() const;
  // Makes a hole, which reads as zero. False when the host cannot do that here.
  bool PunchHole(uint64_t offset, uint64_t length) const;
  // Zeroes, space kept. Falls back to writing them.
  Result<> WriteZeroes(uint64_t offset, uint64_t length) const;
  Result<> Resize(uint64_t size);

 private:
  DiskFile(UniqueFd fd, uint64_t size) : fd_(std::move(fd)), size_(size) {}

  UniqueFd fd_;
  uint64_t size_;
};

// The part [offset, offset + length) of what `pieces` cover.
std::vector<iovec> SliceIovecs(std::span<const iovec> pieces, uint64_t offset, uint64_t length);
uint64_t IovecsSize(std::span<const iovec> pieces);

}  // namespace vmtest
