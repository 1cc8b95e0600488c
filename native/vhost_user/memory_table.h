// MemoryTable: the guest's memory as the front-end shares it, and the two kinds of addresses in it.
//
// Descriptors in rings hold guest addresses. Where the rings themselves lie, the front-end says in
// addresses of its own process.
#pragma once

#include <optional>
#include <vector>

#include "memory/guest_memory.h"
#include "vhost_user/message.h"

namespace vmtest::vhost_user {

class MemoryTable {
 public:
  // No memory at all.
  MemoryTable() = default;
  // Maps every piece; the files are closed. Errors are those of GuestMemory::Map, and
  // kInvalidArgument for pieces that overlap or wrap around in the front-end.
  static Result<MemoryTable> Map(std::vector<MemoryPiece> pieces);

  // At a fixed address for as long as the table lives where it is; null without memory.
  const GuestMemory* memory() const { return memory_ ? &*memory_ : nullptr; }
  // The guest's address for one of the front-end's; none when it lies in no piece.
  std::optional<GuestAddress> FromUser(uint64_t address) const;

 private:
  struct Window {
    uint64_t user;
    uint64_t size;
    GuestAddress guest;
  };

  std::vector<Window> windows_;
  std::optional<GuestMemory> memory_;
};

}  // namespace vmtest::vhost_user
