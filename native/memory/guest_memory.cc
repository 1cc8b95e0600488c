#include "memory/guest_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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
