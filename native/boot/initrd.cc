#include "boot/initrd.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "boot/image_file.h"

namespace vmtest {
namespace {

constexpr uint64_t kPageSize = 4096;

// The highest page-aligned range of `size` bytes inside `window` that misses `taken`.
std::optional<AddressRange> HighestFit(uint64_t size, const AddressRange& window,
                                       const AddressRange& taken) {
  GuestAddress ceiling = window.end;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (ceiling < size) {
      return std::nullopt;
    }
    const GuestAddress start = (ceiling - size) / kPageSize * kPageSize;
    const AddressRange candidate = {start, start + size};
    if (start < window.start) {
      return std::nullopt;
    }
    if (!candidate.Overlaps(taken)) {
      return candidate;
    }
    ceiling = taken.start;  // then below what is taken
  }
  return std::nullopt;
}

}  // namespace

Result<AddressRange> LoadInitrd(const UniqueFd& initrd, const LoadedKernel& kernel,
                                const GuestMemory& memory) {
  const ImageFile file = VM_TRY(ImageFile::Open(initrd, "initrd"));
  std::optional<AddressRange> place;
  uint64_t usable = 0;
  for (const MemoryRegion& region : memory.regions()) {
    const AddressRange window = {std::max(region.start, kernel.initrd_floor),
                                 std::min(region.end(), kernel.initrd_limit)};
    if (window.start < window.end) {
      usable += std::min(region.end(), kernel.initrd_limit) - region.start;
      // Regions ascend, so the last fit is the highest.
      const auto fit = HighestFit(file.size(), window, kernel.range);
      place = fit.has_value() ? fit : place;
    }
  }
  if (!place.has_value()) {
    return Fail(
        ErrorCode::kDoesNotFit,
        fmt::format(
            "an initrd of {} does not fit in {} of guest memory{} beside the kernel",
            FormatSize(file.size()), FormatSize(usable),
            usable < memory.size() ? fmt::format(" below {:#x}", kernel.initrd_limit) : ""));
  }
  const auto bytes = memory.Bytes(place->start, place->size());
  VMTEST_CHECK(bytes.has_value());  // a part of one region
  VM_TRY(file.Read(0, *bytes));
  return *place;
}

}  // namespace vmtest
