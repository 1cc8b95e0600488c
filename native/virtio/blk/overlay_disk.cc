#include "virtio/blk/overlay_disk.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>

namespace vmtest {
namespace {

constexpr uint64_t kCluster = OverlayDisk::kClusterSize;

}  // namespace

Result<std::unique_ptr<OverlayDisk>> OverlayDisk::Open(UniqueFd base, UniqueFd overlay) {
  DiskFile base_file = VM_TRY(DiskFile::Open(std::move(base), DiskFile::Access::kShared));
  const uint64_t size = base_file.size() / kSectorSize * kSectorSize;
  if (size == 0) {
    return Fail(ErrorCode::kInvalidArgument, "the disk is smaller than one sector of 512 bytes");
  }
  if (!overlay) {
    overlay.Reset(::memfd_create("vmtest-overlay", MFD_CLOEXEC));
    if (!overlay) {
      return FailErrno("create the overlay in memory");
    }
  }
  DiskFile overlay_file = VM_TRY(DiskFile::Open(std::move(overlay), DiskFile::Access::kExclusive));
  if (overlay_file.size() != 0) {
    return Fail(ErrorCode::kInvalidArgument, "the overlay must be an empty file");
  }
  VM_TRY(overlay_file.Resize(size));
  const uint64_t clusters = (size + kCluster - 1) / kCluster;
  Bitmap bitmap(static_cast<uint8_t*>(std::calloc((clusters + 7) / 8, 1)));
  if (bitmap == nullptr) {
    return Fail(ErrorCode::kNoMemory, "no memory for the overlay's cluster map");
  }
  return std::unique_ptr<OverlayDisk>(
      new OverlayDisk(std::move(base_file), std::move(overlay_file), size, std::move(bitmap)));
}

bool OverlayDisk::Holds(uint64_t cluster) const {
  return (bitmap_[cluster / 8] >> (cluster % 8) & 1) != 0;
}

void OverlayDisk::MarkHeld(uint64_t first, uint64_t end) {
  for (uint64_t cluster = first; cluster < end; ++cluster) {
    bitmap_[cluster / 8] = static_cast<uint8_t>(bitmap_[cluster / 8] | 1u << (cluster % 8));
  }
}

Result<> OverlayDisk::ReadV(std::span<const iovec> pieces, uint64_t offset) {
  const uint64_t end = offset + IovecsSize(pieces);
  uint64_t at = offset;
  while (at < end) {
    // One call for each run of clusters that lie in the same file.
    const bool held = Holds(at / kCluster);
    uint64_t run_end = at;
    do {
      run_end = std::min(end, (run_end / kCluster + 1) * kCluster);
    } while (run_end < end && Holds(run_end / kCluster) == held);
    const std::vector<iovec> part = SliceIovecs(pieces, at - offset, run_end - at);
    VM_TRY((held ? overlay_ : base_).ReadV(part, at));
    at = run_end;
  }
  return {};
}

// The cluster, as the guest sees it now, into the overlay. It is not marked yet: should the write
// that needs it fail, the base still holds the truth.
Result<> OverlayDisk::CopyUp(uint64_t cluster) {
  std::array<uint8_t, kCluster> bytes;
  const uint64_t start = cluster * kCluster;
  const iovec piece{.iov_base = bytes.data(),
                    .iov_len = static_cast<size_t>(std::min(kCluster, size_ - start))};
  VM_TRY(base_.ReadV(std::span(&piece, 1), start));
  return overlay_.WriteV(std::span(&piece, 1), start);
}

Result<> OverlayDisk::WriteV(std::span<const iovec> pieces, uint64_t offset) {
  const uint64_t end = offset + IovecsSize(pieces);
  if (offset == end) {
    return {};
  }
  const uint64_t first = offset / kCluster;
  const uint64_t last = (end - 1) / kCluster;
  const bool head_whole = offset % kCluster == 0;
  const bool tail_whole = end % kCluster == 0 || end == size_;
  if (!Holds(first) && !(head_whole && (last > first || tail_whole))) {
    VM_TRY(CopyUp(first));
  }
  if (last != first && !Holds(last) && !tail_whole) {
    VM_TRY(CopyUp(last));
  }
  VM_TRY(overlay_.WriteV(pieces, offset));
  MarkHeld(first, last + 1);
  return {};
}

Result<> OverlayDisk::ZeroClusters(uint64_t first, uint64_t end) {
  if (first >= end) {
    return {};
  }
  const uint64_t offset = first * kCluster;
  const uint64_t length = std::min(end * kCluster, size_) - offset;
  // Holes at once: a cluster that was never written is one already, but a write that failed halfway
  // may have left something there.
  if (!overlay_.PunchHole(offset, length)) {
    VM_TRY(overlay_.WriteZeroes(offset, length));
  }
  MarkHeld(first, end);
  return {};
}

Result<> OverlayDisk::ZeroPart(uint64_t offset, uint64_t length) {
  if (length == 0) {
    return {};
  }
  std::array<uint8_t, kCluster> zeroes{};
  const iovec piece{.iov_base = zeroes.data(), .iov_len = static_cast<size_t>(length)};
  return WriteV(std::span(&piece, 1), offset);
}

Result<> OverlayDisk::Discard(uint64_t offset, uint64_t length) {
  // Whole clusters only; the rest stays as it is.
  const uint64_t end = offset + length;
  const uint64_t end_cluster = end == size_ ? cluster_count() : end / kCluster;
  return ZeroClusters((offset + kCluster - 1) / kCluster, end_cluster);
}

Result<> OverlayDisk::WriteZeroes(uint64_t offset, uint64_t length, bool /*unmap*/) {
  const uint64_t end = offset + length;
  const uint64_t first = (offset + kCluster - 1) / kCluster;
  const uint64_t end_cluster = end == size_ ? cluster_count() : end / kCluster;
  if (first >= end_cluster) {  // no whole cluster: one part, or two on both sides of a border
    const uint64_t border = std::clamp(first * kCluster, offset, end);
    VM_TRY(ZeroPart(offset, border - offset));
    return ZeroPart(border, end - border);
  }
  VM_TRY(ZeroPart(offset, first * kCluster - offset));
  VM_TRY(ZeroClusters(first, end_cluster));
  const uint64_t done = std::min(end_cluster * kCluster, size_);
  return ZeroPart(done, end - done);
}

void OverlayDisk::Save(StateWriter& writer) const {
  writer.Bytes(std::span(bitmap_.get(), bitmap_size()));
}

void OverlayDisk::Load(StateReader& reader) {
  const std::vector<uint8_t> bytes = reader.Bytes(bitmap_size());
  if (bytes.size() != bitmap_size()) {
    return reader.MarkBad();
  }
  std::ranges::copy(bytes, bitmap_.get());
}

}  // namespace vmtest
