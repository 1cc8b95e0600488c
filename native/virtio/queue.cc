#include "virtio/queue.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace vmtest {
namespace {

// virtio 1.2, section 2.7.5.
struct Descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};
static_assert(sizeof(Descriptor) == 16);

constexpr uint16_t kDescriptorNext = 1;
constexpr uint16_t kDescriptorWrite = 2;
constexpr uint16_t kDescriptorIndirect = 4;

// virtio 1.2, sections 2.7.6 and 2.7.8.
constexpr uint16_t kAvailNoInterrupt = 1;
constexpr uint16_t kUsedNoNotify = 1;
constexpr uint64_t kRingIndex = 2;
constexpr uint64_t kRingEntries = 4;
constexpr uint64_t kUsedEntrySize = 8;

struct UsedEntry {
  uint32_t id;
  uint32_t length;
};

uint64_t UsedEventOffset(uint16_t size) { return kRingEntries + uint64_t{2} * size; }
uint64_t AvailEventOffset(uint16_t size) { return kRingEntries + kUsedEntrySize * size; }

// Calls `use(bytes)` for each piece of [offset, offset + size) of `segments`.
template <typename Use>
uint64_t ForRange(std::span<const Segment> segments, uint64_t offset, uint64_t size, Use use) {
  uint64_t done = 0;
  for (const Segment& segment : segments) {
    if (done == size) {
      break;
    }
    if (offset >= segment.bytes.size()) {
      offset -= segment.bytes.size();
      continue;
    }
    const uint64_t count = std::min<uint64_t>(segment.bytes.size() - offset, size - done);
    use(segment.bytes.subspan(offset, count), done);
    done += count;
    offset = 0;
  }
  return done;
}

void AppendIovecs(std::span<const Segment> segments, uint64_t offset, uint64_t size,
                  std::vector<iovec>& out) {
  ForRange(segments, offset, size, [&](std::span<uint8_t> bytes, uint64_t) {
    out.push_back({.iov_base = bytes.data(), .iov_len = bytes.size()});
  });
}

}  // namespace

std::string_view QueueErrorText(QueueError error) {
  switch (error) {
    case QueueError::kAvailIndexJump:
      return "the available index jumped by more than the queue size";
    case QueueError::kHeadOutOfRange:
      return "a descriptor index lies past the table";
    case QueueError::kChainTooLong:
      return "a descriptor chain is longer than the queue, or a loop";
    case QueueError::kAddressOutside:
      return "a buffer lies outside guest memory";
    case QueueError::kReadableAfterWritable:
      return "a readable descriptor follows a writable one";
    case QueueError::kIndirectNotAllowed:
      return "an indirect descriptor where none is allowed";
    case QueueError::kIndirectBadLength:
      return "an indirect table has a bad length";
    case QueueError::kChainTooLarge:
      return "a chain holds 4 GiB or more";
  }
  return "unknown queue error";
}

size_t Chain::CopyFrom(uint64_t offset, std::span<uint8_t> out) const {
  return ForRange(readable(), offset, out.size(), [&](std::span<uint8_t> bytes, uint64_t done) {
    std::ranges::copy(bytes, out.begin() + static_cast<ptrdiff_t>(done));
  });
}

size_t Chain::CopyTo(uint64_t offset, std::span<const uint8_t> in) const {
  return ForRange(writable(), offset, in.size(), [&](std::span<uint8_t> bytes, uint64_t done) {
    std::ranges::copy(in.subspan(done, bytes.size()), bytes.begin());
  });
}

void Chain::ReadableIovecs(uint64_t offset, uint64_t size, std::vector<iovec>& out) const {
  AppendIovecs(readable(), offset, size, out);
}

void Chain::WritableIovecs(uint64_t offset, uint64_t size, std::vector<iovec>& out) const {
  AppendIovecs(writable(), offset, size, out);
}

bool Queue::Enable(const GuestMemory& memory, const QueueConfig& config) {
  Disable();
  const uint64_t size = config.size;
  // Sizes and alignments: virtio 1.2, section 2.7. The two event fields belong to the rings.
  const bool valid = std::has_single_bit(config.size) && config.size <= 32768 &&
                     config.descriptors % 16 == 0 && config.available % 2 == 0 &&
                     config.used % 4 == 0 &&
                     memory.Contains(config.descriptors, sizeof(Descriptor) * size) &&
                     memory.Contains(config.available, UsedEventOffset(config.size) + 2) &&
                     memory.Contains(config.used, AvailEventOffset(config.size) + 2);
  if (!valid) {
    return false;
  }
  memory_ = &memory;
  config_ = config;
  next_available_ = 0;
  next_used_ = 0;
  unsignalled_ = 0;
  return true;
}

void Queue::Disable() { memory_ = nullptr; }

uint16_t Queue::AvailableIndex() const {
  return memory_->LoadAcquire<uint16_t>(config_.available + kRingIndex).value_or(next_available_);
}

bool Queue::HasAvailable() const { return enabled() && AvailableIndex() != next_available_; }

tl::expected<std::optional<Chain>, QueueError> Queue::Pop() {
  VMTEST_CHECK(enabled());
  const uint16_t available = AvailableIndex();
  if (available == next_available_) {
    return std::optional<Chain>();
  }
  if (static_cast<uint16_t>(available - next_available_) > config_.size) {
    return tl::unexpected(QueueError::kAvailIndexJump);
  }
  const uint64_t slot = next_available_ % config_.size;
  const auto head = memory_->Read<uint16_t>(config_.available + kRingEntries + 2 * slot);
  VMTEST_CHECK(head.has_value());  // Enable has seen the whole ring, and regions never go away
  Chain chain;
  chain.head_ = *head;
  if (const auto error = Walk(chain, config_.descriptors, config_.size, *head, false)) {
    return tl::unexpected(*error);
  }
  ++next_available_;
  popped_.Add();
  return chain;
}

// Follows one table; an indirect descriptor leads once, and only once, into a second one.
std::optional<QueueError> Queue::Walk(Chain& chain, GuestAddress table, uint32_t table_size,
                                      uint16_t index, bool in_indirect) const {
  // No chain is longer than the queue, in whatever tables it lies (2.7.5.3.1). That catches loops
  // and bounds the work that a guest can ask for.
  while (chain.segments_.size() < config_.size) {
    if (index >= table_size) {
      return QueueError::kHeadOutOfRange;
    }
    const auto descriptor = memory_->Read<Descriptor>(table + sizeof(Descriptor) * index);
    VMTEST_CHECK(descriptor.has_value());  // whoever gave us the table has checked all of it
    if ((descriptor->flags & kDescriptorIndirect) != 0) {
      if (!config_.indirect || in_indirect || (descriptor->flags & kDescriptorNext) != 0) {
        return QueueError::kIndirectNotAllowed;
      }
      if (descriptor->length == 0 || descriptor->length % sizeof(Descriptor) != 0) {
        return QueueError::kIndirectBadLength;
      }
      if (!memory_->Contains(descriptor->address, descriptor->length)) {
        return QueueError::kAddressOutside;
      }
      return Walk(chain, descriptor->address,
                  static_cast<uint32_t>(descriptor->length / sizeof(Descriptor)), 0, true);
    }
    const auto bytes = memory_->Bytes(descriptor->address, descriptor->length);
    if (!bytes) {
      return QueueError::kAddressOutside;
    }
    const bool writable = (descriptor->flags & kDescriptorWrite) != 0;
    if (!writable && chain.readable_count_ != chain.segments_.size()) {
      return QueueError::kReadableAfterWritable;
    }
    chain.segments_.push_back({.address = descriptor->address, .bytes = *bytes});
    if (writable) {
      chain.writable_size_ += bytes->size();
    } else {
      ++chain.readable_count_;
      chain.readable_size_ += bytes->size();
    }
    if (chain.readable_size_ + chain.writable_size_ > UINT32_MAX) {
      return QueueError::kChainTooLarge;
    }
    if ((descriptor->flags & kDescriptorNext) == 0) {
      return std::nullopt;
    }
    index = descriptor->next;
  }
  return QueueError::kChainTooLong;
}

void Queue::UndoPop() {
  --next_available_;
  popped_.Subtract(1);
}

void Queue::Push(uint16_t head, uint32_t written) {
  VMTEST_CHECK(enabled());
  const uint64_t slot = next_used_ % config_.size;
  const UsedEntry entry{.id = head, .length = written};
  // Enable has checked that the rings lie in guest memory, and regions never go away.
  VMTEST_CHECK(memory_->Write(config_.used + kRingEntries + kUsedEntrySize * slot, entry));
  ++next_used_;
  pushed_.Add();
  ++unsignalled_;
  VMTEST_CHECK(memory_->StoreRelease<uint16_t>(config_.used + kRingIndex, next_used_));
}

bool Queue::ShouldSignal() {
  if (!enabled() || unsignalled_ == 0) {
    return false;
  }
  // The used index must be visible before the driver's wish is read, or both sides go to sleep:
  // the driver writes used_event and then looks at the used index.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const uint64_t pushed = std::exchange(unsignalled_, 0);
  if (!config_.event_index) {
    const auto flags = memory_->LoadAcquire<uint16_t>(config_.available);
    return (flags.value_or(0) & kAvailNoInterrupt) == 0;
  }
  const auto event =
      memory_->LoadAcquire<uint16_t>(config_.available + UsedEventOffset(config_.size));
  // 2.7.10: did we just step over used_event? A full turn steps over every value.
  return pushed > UINT16_MAX || !event ||
         static_cast<uint16_t>(next_used_ - *event - 1) < static_cast<uint16_t>(pushed);
}

void Queue::SuppressNotifications() {
  if (enabled() && !config_.event_index) {
    VMTEST_CHECK(memory_->StoreRelease<uint16_t>(config_.used, kUsedNoNotify));
  }
  // With EVENT_IDX, leaving avail_event behind is what suppresses.
}

bool Queue::ResumeNotifications() {
  if (!enabled()) {
    return false;
  }
  if (config_.event_index) {
    VMTEST_CHECK(memory_->StoreRelease<uint16_t>(config_.used + AvailEventOffset(config_.size),
                                                 next_available_));
  } else {
    VMTEST_CHECK(memory_->StoreRelease<uint16_t>(config_.used, 0));
  }
  // The mirror image of the fence in ShouldSignal.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return HasAvailable();
}

void Queue::GoOnAt(uint16_t next_available) {
  VMTEST_CHECK(enabled());
  next_available_ = next_available;
  // Ours alone to write, but the guest can write there too: a wrong index harms nobody else.
  next_used_ = memory_->LoadAcquire<uint16_t>(config_.used + kRingIndex).value_or(next_available);
}

void Queue::Save(StateWriter& writer) const {
  writer.U16(next_available_);
  writer.U16(next_used_);
  writer.U64(unsignalled_);
}

void Queue::Load(StateReader& reader) {
  next_available_ = reader.U16();
  next_used_ = reader.U16();
  unsignalled_ = reader.U64();
}

}  // namespace vmtest
