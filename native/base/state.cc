#include "base/state.h"

#include "base/check.h"

namespace vmtest {

void StateWriter::Bytes(std::span<const uint8_t> bytes) {
  VMTEST_CHECK(bytes.size() <= UINT32_MAX);
  U32(static_cast<uint32_t>(bytes.size()));
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::vector<uint8_t> StateReader::Bytes(size_t max) {
  const size_t size = U32();
  if (!ok_ || size > max || size > rest_.size()) {
    ok_ = false;
    return {};
  }
  std::vector<uint8_t> bytes(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(size));
  rest_ = rest_.subspan(size);
  return bytes;
}

}  // namespace vmtest
