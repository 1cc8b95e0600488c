// ImageFile: a kernel or initrd as the loaders see it. Every read is exact and bounded by the size
// that the file had at the start, so that a file which lies about itself, or shrinks under our
// feet, becomes an Error and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vmtest {

class ImageFile {
 public:
  // `fd` must be readable and seekable and outlive this; its offset is not used. `what` ("kernel")
  // begins every message. Refuses what is not a regular file, and an empty one.
  static Result<ImageFile> Open(const UniqueFd& fd, std::string_view what);

  uint64_t size() const { return size_; }

  // True when [offset, offset + size) lies inside the file.
  bool Contains(uint64_t offset, uint64_t size) const {
    return offset <= size_ && size <= size_ - offset;
  }

  // Fills all of `out`. A range outside the file is kBadImage: the file is truncated.
  Result<> Read(uint64_t offset, std::span<uint8_t> out) const;

  template <typename T>
  Result<T> ReadAs(uint64_t offset) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    auto* bytes = static_cast<uint8_t*>(static_cast<void*>(&value));
    VM_TRY(Read(offset, {bytes, sizeof(T)}));
    return value;
  }

  // kBadImage with "the kernel " before `message`.
  [[nodiscard]] tl::unexpected<Error> Bad(std::string_view message) const;

 private:
  ImageFile(int fd, uint64_t size, std::string_view what) : fd_(fd), size_(size), what_(what) {}

  int fd_;
  uint64_t size_;
  std::string what_;
};

// A number of bytes for people: "512 B", "300 MiB", "67.5 MiB".
std::string FormatSize(uint64_t bytes);

}  // namespace vmtest
