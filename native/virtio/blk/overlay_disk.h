// OverlayDisk: a base that is never written, under a private file that takes the writes.
//
//   cluster      0    1    2    3    4
//   overlay      .   [w]   .   [w]  [0]      w: written, 0: zeroed or discarded (a hole)
//   base        [b]  [b]  [b]  [b]  [b]
//   guest sees   b    w    b    w    0
//
// Which clusters the overlay holds is kept in memory, one bit each: the overlay is thrown away with
// the guest.
#pragma once

#include <cstdlib>
#include <memory>

#include "virtio/blk/disk_backend.h"
#include "virtio/blk/disk_file.h"

namespace vmtest {

class OverlayDisk final : public DiskBackend {
 public:
  // One page: file systems write whole pages, so hardly a write copies from the base, and a memfd
  // holds no more than was written.
  static constexpr uint64_t kClusterSize = 4096;

  // `base` is locked shared. `overlay` must be an empty regular file, open for reading and writing;
  // without one (an invalid descriptor) writes go to memory. Errors as RawDisk::Open.
  static Result<std::unique_ptr<OverlayDisk>> Open(UniqueFd base, UniqueFd overlay);

  uint64_t size() const override { return size_; }
  bool read_only() const override { return false; }
  Result<> ReadV(std::span<const iovec> pieces, uint64_t offset) override;
  Result<> WriteV(std::span<const iovec> pieces, uint64_t offset) override;
  // The overlay outlives nothing: there is nothing to make safe.
  Result<> Flush() override { return {}; }
  Result<> Discard(uint64_t offset, uint64_t length) override;
  Result<> WriteZeroes(uint64_t offset, uint64_t length, bool unmap) override;
  // Which clusters are in the overlay; its content is for whoever copies the file.
  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 private:
  struct Free {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };
  using Bitmap = std::unique_ptr<uint8_t[], Free>;

  OverlayDisk(DiskFile base, DiskFile overlay, uint64_t size, Bitmap bitmap)
      : base_(std::move(base)),
        overlay_(std::move(overlay)),
        size_(size),
        bitmap_(std::move(bitmap)) {}

  uint64_t cluster_count() const { return (size_ + kClusterSize - 1) / kClusterSize; }
  uint64_t bitmap_size() const { return (cluster_count() + 7) / 8; }
  bool Holds(uint64_t cluster) const;
  void MarkHeld(uint64_t first, uint64_t end);
  Result<> CopyUp(uint64_t cluster);
  Result<> ZeroClusters(uint64_t first, uint64_t end);
  Result<> ZeroPart(uint64_t offset, uint64_t length);

  DiskFile base_;
  DiskFile overlay_;
  uint64_t size_;
  Bitmap bitmap_;  // from calloc: pages of it that are never touched take no memory
};

}  // namespace vmtest
