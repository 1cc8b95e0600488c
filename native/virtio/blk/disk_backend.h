// DiskBackend: where a block device's bytes live. Knows nothing of virtio.
//
// Offsets and lengths are in bytes and lie within size(): the request parser has seen to that.
// Calls may block; the device has a loop of its own.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/state.h"

namespace vmtest {

inline constexpr uint64_t kSectorSize = 512;

class DiskBackend {
 public:
  virtual ~DiskBackend() = default;

  // A multiple of the sector size. Constant.
  virtual uint64_t size() const = 0;
  virtual bool read_only() const = 0;

  // All bytes of `pieces`, or an Error.
  virtual Result<> ReadV(std::span<const iovec> pieces, uint64_t offset) = 0;
  virtual Result<> WriteV(std::span<const iovec> pieces, uint64_t offset) = 0;
  // What was written before is as safe as the backend promises to keep it.
  virtual Result<> Flush() = 0;
  // The guest no longer needs these bytes; what they read as is undefined.
  virtual Result<> Discard(uint64_t offset, uint64_t length) = 0;
  // The bytes read as zero. With `unmap` their space may be given back.
  virtual Result<> WriteZeroes(uint64_t offset, uint64_t length, bool unmap) = 0;

  // What lives outside the files themselves.
  virtual void Save(StateWriter& writer) const = 0;
  virtual void Load(StateReader& reader) = 0;
};

}  // namespace vmtest
