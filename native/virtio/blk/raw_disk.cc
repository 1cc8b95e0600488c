#include "virtio/blk/raw_disk.h"

#include "base/check.h"

namespace vmtest {

Result<std::unique_ptr<RawDisk>> RawDisk::Open(UniqueFd fd, bool read_only) {
  DiskFile file = VM_TRY(DiskFile::Open(
      std::move(fd), read_only ? DiskFile::Access::kShared : DiskFile::Access::kExclusive));
  const uint64_t size = file.size() / kSectorSize * kSectorSize;
  if (size == 0) {
    return Fail(ErrorCode::kInvalidArgument, "the disk is smaller than one sector of 512 bytes");
  }
  return std::unique_ptr<RawDisk>(new RawDisk(std::move(file), size, read_only));
}

Result<> RawDisk::ReadV(std::span<const iovec> pieces, uint64_t offset) {
  return file_.ReadV(pieces, offset);
}

Result<> RawDisk::WriteV(std::span<const iovec> pieces, uint64_t offset) {
  VMTEST_CHECK(!read_only_);
  return file_.WriteV(pieces, offset);
}

Result<> RawDisk::Flush() { return read_only_ ? Result<>() : file_.Sync(); }

Result<> RawDisk::Discard(uint64_t offset, uint64_t length) {
  VMTEST_CHECK(!read_only_);
  // A wish: where the host cannot do it, nothing is lost.
  static_cast<void>(file_.PunchHole(offset, length));
  return {};
}

Result<> RawDisk::WriteZeroes(uint64_t offset, uint64_t length, bool unmap) {
  VMTEST_CHECK(!read_only_);
  if (unmap && file_.PunchHole(offset, length)) {
    return {};
  }
  return file_.WriteZeroes(offset, length);
}

}  // namespace vmtest
