#include "memory/guest_memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace vmtest {

Result<GuestMemory> GuestMemory::Create(std::span<const Range> ranges) {
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  GuestMemory memory({});
  GuestAddress previous_end = 0;
  for (const Range& range : ranges) {
    VMTEST_CHECK(range.start >= previous_end && range.size > 0);
    VMTEST_CHECK(range.start % page == 0 && range.size % page == 0);
    previous_end = range.start + range.size;
    void* host = ::mmap(nullptr, range.size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED) {
      return FailErrno(fmt::format("reserve {} MiB of guest memory", range.size / kMiB));
    }
    memory.regions_.push_back(
        {.start = range.start, .size = range.size, .host = static_cast<uint8_t*>(host)});
    // Huge pages halve the page-fault exits of a boot; a guest's memory has no business in a core
    // dump of the VMM or in a child of it. All three are wishes: an old host may not know them.
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
