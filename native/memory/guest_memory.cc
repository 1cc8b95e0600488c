#include "memory/guest_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace vmtest {
namespace {

// The next size of page on x86_64, and on aarch64 with pages of 4 KiB.
constexpr uint64_t kHugePage = 2 * kMiB;

// Reserves memory whose address is that of the guest modulo the size of a huge page: KVM maps huge
// pages only where both agree (kvm_alloc_memslot_metadata in Linux).
Result<uint8_t*> Reserve(const GuestMemory::Range& range) {
  const uint64_t slack = range.size >= kHugePage ? kHugePage : 0;
  void* const mapped = ::mmap(nullptr, range.size + slack, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return FailErrno(fmt::format("reserve {} MiB of guest memory", range.size / kMiB));
  }
  auto* const first = static_cast<uint8_t*>(mapped);
  if (slack == 0) {
    return first;
  }
  const uint64_t before = (range.start - std::bit_cast<uintptr_t>(first)) % kHugePage;
  if (before > 0) {
    ::munmap(first, before);
  }
  ::munmap(first + before + range.size, slack - before);
  return first + before;
}

bool Overlap(const GuestMemory::FileRange& a, const GuestMemory::FileRange& b) {
  return a.start < b.start + b.size && b.start < a.start + a.size;
}

Result<> CheckRange(const GuestMemory::FileRange& range, uint64_t page) {
  constexpr auto kMaxOffset = static_cast<uint64_t>(INT64_MAX);
  if (range.size == 0 || range.start % page != 0 || range.size % page != 0 ||
      range.offset % page != 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("guest memory at {:#x} does not begin and end with pages", range.start));
  }
  if (range.size > UINT64_MAX - range.start || range.offset > kMaxOffset ||
      range.size > kMaxOffset - range.offset) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("guest memory at {:#x} has the impossible size {:#x}", range.start,
                            range.size));
  }
  return {};
}

// After this no access to [offset, offset + size) of the file can end in SIGBUS.
Result<> CheckFile(const GuestMemory::FileRange& range) {
  const int seals = ::fcntl(range.file, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return Fail(ErrorCode::kUnsupported,
                "guest memory is not a memfd that is sealed against shrinking: give QEMU "
                "-object memory-backend-memfd with share=on and without seal=off");
  }
  // A huge page that the host does not have when it is touched would be a SIGBUS as well.
  struct statfs file_system{};
  if (::fstatfs(range.file, &file_system) < 0) {
    return FailErrno("look at the file of guest memory");
  }
  if (file_system.f_type == HUGETLBFS_MAGIC) {
    return Fail(ErrorCode::kUnsupported,
                "guest memory is of huge pages that may run out: give QEMU "
                "-object memory-backend-memfd without hugetlb=on");
  }
  struct stat status{};
  if (::fstat(range.file, &status) < 0) {
    return FailErrno("look at the file of guest memory");
  }
  // Cannot become smaller any more: the seal was there before the size was asked for.
  if (static_cast<uint64_t>(status.st_size) < range.offset + range.size) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("guest memory at {:#x} is larger than its file", range.start));
  }
  return {};
}

}  // namespace

Result<GuestMemory> GuestMemory::Create(std::span<const Range> ranges) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  GuestMemory memory({});
  GuestAddress previous_end = 0;
  for (const Range& range : ranges) {
    VMTEST_CHECK(range.start >= previous_end && range.size > 0);
    VMTEST_CHECK(range.start % page == 0 && range.size % page == 0);
    previous_end = range.start + range.size;
    uint8_t* const host = VM_TRY(Reserve(range));
    memory.regions_.push_back({.start = range.start, .size = range.size, .host = host});
    // Huge pages save most of the page-fault exits of a boot; a guest's memory has no business in a
    // core dump of the VMM or in a child of it. All three are wishes: an old host may not know
    // them.
    ::madvise(host, range.size, MADV_HUGEPAGE);
    ::madvise(host, range.size, MADV_DONTDUMP);
    ::madvise(host, range.size, MADV_DONTFORK);
    // Names the mapping in /proc/PID/smaps, where the bench tells guest memory from ours.
    ::prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, host, range.size, "guest-ram");
  }
  return memory;
}

Result<GuestMemory> GuestMemory::Map(std::span<const FileRange> ranges) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  GuestMemory memory({});
  for (size_t i = 0; i < ranges.size(); ++i) {
    const FileRange& range = ranges[i];
    VM_TRY(CheckRange(range, page));
    const auto overlaps = [&](const FileRange& other) { return Overlap(range, other); };
    if (std::ranges::any_of(ranges.first(i), overlaps)) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("guest memory at {:#x} overlaps another piece", range.start));
    }
    VM_TRY(CheckFile(range));
    void* const mapped =
        ::mmap(nullptr, range.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, range.file,
               static_cast<off_t>(range.offset));
    if (mapped == MAP_FAILED) {
      return FailErrno(fmt::format("map {} KiB of guest memory", range.size / kKiB));
    }
    auto* const host = static_cast<uint8_t*>(mapped);
    memory.regions_.push_back({.start = range.start, .size = range.size, .host = host});
    ::madvise(host, range.size, MADV_DONTDUMP);  // as above: a wish
    ::madvise(host, range.size, MADV_DONTFORK);
  }
  return memory;
}

GuestMemory::GuestMemory(GuestMemory&& other) noexcept
    : regions_(std::exchange(other.regions_, {})) {}

GuestMemory& GuestMemory::operator=(GuestMemory&& other) noexcept {
  if (this != &other) {
    Unmap();
    regions_ = std::exchange(other.regions_, {});
  }
  return *this;
}

GuestMemory::~GuestMemory() { Unmap(); }

void GuestMemory::Unmap() {
  for (const MemoryRegion& region : regions_) {
    ::munmap(region.host, region.size);
  }
  regions_.clear();
}

uint64_t GuestMemory::size() const {
  uint64_t total = 0;
  for (const MemoryRegion& region : regions_) {
    total += region.size;
  }
  return total;
}

bool GuestMemory::ReadBytes(GuestAddress address, std::span<uint8_t> out) const {
  const uint8_t* host = Translate(address, out.size());
  if (host == nullptr) {
    return false;
  }
  std::copy_n(host, out.size(), out.begin());  // unlike memcpy, also of nothing to nowhere
  return true;
}

bool GuestMemory::WriteBytes(GuestAddress address, std::span<const uint8_t> bytes) const {
  uint8_t* host = Translate(address, bytes.size());
  if (host == nullptr) {
    return false;
  }
  std::ranges::copy(bytes, host);
  return true;
}

std::optional<std::span<uint8_t>> GuestMemory::Bytes(GuestAddress address, uint64_t size) const {
  uint8_t* host = Translate(address, size);
  if (host == nullptr) {
    return std::nullopt;
  }
  return std::span(host, size);
}

}  // namespace vmtest
