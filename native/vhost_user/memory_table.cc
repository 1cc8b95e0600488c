#include "vhost_user/memory_table.h"

#include <algorithm>

namespace vmtest::vhost_user {

Result<MemoryTable> MemoryTable::Map(std::vector<MemoryPiece> pieces) {
  MemoryTable table;
  std::vector<GuestMemory::FileRange> ranges;
  for (const MemoryPiece& piece : pieces) {
    if (piece.size > UINT64_MAX - piece.user) {
      return Fail(ErrorCode::kInvalidArgument,
                  "a piece of guest memory wraps around in the vhost-user front-end");
    }
    const auto overlaps = [&](const Window& window) {
      return piece.user < window.user + window.size && window.user < piece.user + piece.size;
    };
    if (std::ranges::any_of(table.windows_, overlaps)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "two pieces of guest memory overlap in the vhost-user front-end");
    }
    table.windows_.push_back({.user = piece.user, .size = piece.size, .guest = piece.guest});
    ranges.push_back({.start = piece.guest,
                      .size = piece.size,
                      .file = piece.file.get(),
                      .offset = piece.offset});
  }
  table.memory_ = VM_TRY(GuestMemory::Map(ranges));
  return table;
}

std::optional<GuestAddress> MemoryTable::FromUser(uint64_t address) const {
  for (const Window& window : windows_) {
    if (address >= window.user && address - window.user < window.size) {
      return window.guest + (address - window.user);
    }
  }
  return std::nullopt;
}

}  // namespace vmtest::vhost_user
