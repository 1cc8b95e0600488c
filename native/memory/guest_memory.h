// GuestMemory: the one door to guest RAM.
//
// A guest address is a number that the guest chose. It becomes a host pointer only here, after a
// bounds check against the regions that exist; nothing else in the core may cast one to the other.
// Guest memory changes under our feet while vCPUs run: copy a value out once (Read), then check the
// copy. Values that synchronise with the guest (ring indices) go through LoadAcquire/StoreRelease.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace vmtest {

using GuestAddress = uint64_t;

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

struct MemoryRegion {
  GuestAddress start;
  uint64_t size;
  uint8_t* host;  // page-aligned

  GuestAddress end() const { return start + size; }
};

class GuestMemory {
 public:
  struct Range {
    GuestAddress start;
    uint64_t size;  // bytes, a multiple of the page size
  };

  // A piece of a file that is guest memory in another process too (vhost-user). What stands here is
  // that process's word.
  struct FileRange {
    GuestAddress start;
    uint64_t size;    // bytes
    int file;         // borrowed, needed during the call only
    uint64_t offset;  // of the piece in the file
  };

  // Reserves zeroed private memory for each range. Ranges ascend and do not touch the same address
  // twice. Pages are taken from the host when first used.
  static Result<GuestMemory> Create(std::span<const Range> ranges);

  // Maps files that others may write, and may try to shrink: reading past a file's end would be a
  // SIGBUS, so each must be a memfd that is large enough and sealed against that (F_SEAL_SHRINK).
  // kUnsupported for a file that is not; kInvalidArgument for ranges that are empty, overlap, wrap
  // around or do not begin and end with pages; kIo, kNoMemory and kPermission from the host.
  static Result<GuestMemory> Map(std::span<const FileRange> ranges);

  GuestMemory(GuestMemory&& other) noexcept;
  GuestMemory& operator=(GuestMemory&& other) noexcept;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;
  ~GuestMemory();

  std::span<const MemoryRegion> regions() const { return regions_; }
  // Sum of all regions, in bytes.
  uint64_t size() const;

  // True when [address, address + size) lies wholly inside one region. An empty range is inside
  // when its address is.
  bool Contains(GuestAddress address, uint64_t size) const {
    return Translate(address, size) != nullptr;
  }

  // Copies a value out. Nothing when any byte of it lies outside guest memory.
  template <typename T>
  [[nodiscard]] std::optional<T> Read(GuestAddress address) const {
    static_assert(std::is_trivially_copyable_v<T>);
    const uint8_t* host = Translate(address, sizeof(T));
    if (host == nullptr) {
      return std::nullopt;
    }
    T value;
    std::memcpy(&value, host, sizeof(T));
    return value;
  }

  // Copies a value in; false, and nothing written, when any byte lies outside guest memory.
  template <typename T>
  [[nodiscard]] bool Write(GuestAddress address, const T& value) const {
    static_assert(std::is_trivially_copyable_v<T>);
    uint8_t* host = Translate(address, sizeof(T));
    if (host == nullptr) {
      return false;
    }
    std::memcpy(host, &value, sizeof(T));
    return true;
  }

  [[nodiscard]] bool ReadBytes(GuestAddress address, std::span<uint8_t> out) const;
  [[nodiscard]] bool WriteBytes(GuestAddress address, std::span<const uint8_t> bytes) const;

  // Ring indices. `address` must be aligned to T; a misaligned one counts as outside.
  template <typename T>
  [[nodiscard]] std::optional<T> LoadAcquire(GuestAddress address) const {
    T* host = TranslateAligned<T>(address);
    if (host == nullptr) {
      return std::nullopt;
    }
    return std::atomic_ref<T>(*host).load(std::memory_order_acquire);
  }
  template <typename T>
  [[nodiscard]] bool StoreRelease(GuestAddress address, T value) const {
    T* host = TranslateAligned<T>(address);
    if (host == nullptr) {
      return false;
    }
    std::atomic_ref<T>(*host).store(value, std::memory_order_release);
    return true;
  }

  // The host bytes of [address, address + size), for readv, writev and read: nothing when the range
  // is not wholly inside one region. What lies there may change at any moment while vCPUs run.
  [[nodiscard]] std::optional<std::span<uint8_t>> Bytes(GuestAddress address, uint64_t size) const;

 private:
  explicit GuestMemory(std::vector<MemoryRegion> regions) : regions_(std::move(regions)) {}

  uint8_t* Translate(GuestAddress address, uint64_t size) const {
    for (const MemoryRegion& region : regions_) {
      // Written so that no sum can wrap: every operand is already known to be in range.
      if (address >= region.start && address - region.start <= region.size &&
          size <= region.size - (address - region.start)) {
        return region.host + (address - region.start);
      }
    }
    return nullptr;
  }

  template <typename T>
  T* TranslateAligned(GuestAddress address) const {
    static_assert(std::is_integral_v<T>);
    uint8_t* host = address % alignof(T) == 0 ? Translate(address, sizeof(T)) : nullptr;
    return static_cast<T*>(static_cast<void*>(host));
  }

  void Unmap();

  std::vector<MemoryRegion> regions_;
};

}  // namespace vmtest
