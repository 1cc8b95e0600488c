// RawDisk: a file or block device whose bytes are the disk's.
#pragma once

#include <memory>

#include "virtio/blk/disk_backend.h"
#include "virtio/blk/disk_file.h"

namespace vmtest {

class RawDisk final : public DiskBackend {
 public:
  // Locks the file: exclusively, or shared when `read_only`. Errors as DiskFile::Open;
  // kInvalidArgument, too, when it holds no whole sector. A last part of a sector is not shown.
  static Result<std::unique_ptr<RawDisk>> Open(UniqueFd fd, bool read_only);

  uint64_t size() const override { return size_; }
  bool read_only() const override { return read_only_; }
  Result<> ReadV(std::span<const iovec> pieces, uint64_t offset) override;
  Result<> WriteV(std::span<const iovec> pieces, uint64_t offset) override;
  Result<> Flush() override;
  Result<> Discard(uint64_t offset, uint64_t length) override;
  Result<> WriteZeroes(uint64_t offset, uint64_t length, bool unmap) override;
  void Save(StateWriter& /*writer*/) const override {}
  void Load(StateReader& /*reader*/) override {}

 private:
  RawDisk(DiskFile file, uint64_t size, bool read_only)
      : file_(std::move(file)), size_(size), read_only_(read_only) {}

  DiskFile file_;
  uint64_t size_;
  bool read_only_;
};

}  // namespace vmtest
