// Queue: the device's side of one split virtqueue (virtio 1.2, section 2.7).
//
//   descriptor table        available ring (driver writes)     used ring (device writes)
//   addr len flags next     flags idx ring[size] used_event    flags idx ring[size] avail_event
//
// Everything read from here is written by the guest, maybe at this very moment. Each descriptor is
// copied out once and checked; what Pop returns points only into guest memory. A chain that breaks
// the rules is reported as QueueError: the device calls VirtioInterrupt::Fail and stops.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/state.h"
#include "memory/guest_memory.h"
#include "virtio/counter.h"

namespace vmtest {

// One piece of a buffer, already checked to lie in guest memory.
struct Segment {
  GuestAddress address;
  std::span<uint8_t> bytes;  // may change under the reader while vCPUs run
};

// One buffer that the driver made available: what the device reads, then what it writes. Give it
// back with Queue::Push exactly once.
class Chain {
 public:
  uint16_t head() const { return head_; }
  std::span<const Segment> readable() const { return {segments_.data(), readable_count_}; }
  std::span<const Segment> writable() const {
    return std::span(segments_).subspan(readable_count_);
  }
  uint64_t readable_size() const { return readable_size_; }
  uint64_t writable_size() const { return writable_size_; }

  // Copies from the readable part, starting `offset` bytes into it. Returns the number of bytes,
  // fewer than asked for when the chain is shorter.
  size_t CopyFrom(uint64_t offset, std::span<uint8_t> out) const;
  // Copies into the writable part, starting `offset` bytes into it. Returns the number of bytes.
  size_t CopyTo(uint64_t offset, std::span<const uint8_t> bytes) const;

  // iovecs for [offset, offset + size) of the readable or writable part, for readv and writev;
  // shorter when the part is. Appends to `out`.
  void ReadableIovecs(uint64_t offset, uint64_t size, std::vector<iovec>& out) const;
  void WritableIovecs(uint64_t offset, uint64_t size, std::vector<iovec>& out) const;

 private:
  friend class Queue;

  uint16_t head_ = 0;
  size_t readable_count_ = 0;
  uint64_t readable_size_ = 0;
  uint64_t writable_size_ = 0;
  std::vector<Segment> segments_;
};

// What a driver did wrong. Data, not an Error: see base/result.h.
enum class QueueError {
  kAvailIndexJump,         // the available index ran ahead by more than the queue's size (2.7.13.3)
  kHeadOutOfRange,         // a head or next index past the descriptor table
  kChainTooLong,           // more descriptors than the queue has, a loop mostly (2.7.5.3.1)
  kAddressOutside,         // a buffer that is not wholly in guest memory
  kReadableAfterWritable,  // device-readable descriptor after a writable one (2.7.4.2)
  kIndirectNotAllowed,     // indirect without negotiation, nested, or with NEXT (2.7.5.3.1)
  kIndirectBadLength,      // table length zero or not a multiple of 16 (2.7.5.3)
  kChainTooLarge,          // 2^32 bytes or more in all: no used length could tell (2.7.4.2)
};
std::string_view QueueErrorText(QueueError error);

struct QueueConfig {
  uint16_t size;             // a power of two
  GuestAddress descriptors;  // 16-byte aligned
  GuestAddress available;    // 2-byte aligned
  GuestAddress used;         // 4-byte aligned
  bool event_index;          // VIRTIO_F_EVENT_IDX was negotiated
  bool indirect;             // VIRTIO_F_INDIRECT_DESC was negotiated
};

class Queue {
 public:
  // Checks size, alignment and that all three areas lie in guest memory; false when they do not,
  // and the queue stays disabled. `memory` must outlive the queue.
  [[nodiscard]] bool Enable(const GuestMemory& memory, const QueueConfig& config);
  void Disable();
  bool enabled() const { return memory_ != nullptr; }
  uint16_t size() const { return config_.size; }

  // The next buffer, or none when the driver has put none there.
  [[nodiscard]] tl::expected<std::optional<Chain>, QueueError> Pop();
  // Takes the last Pop back: the same buffer comes again. Only for the buffer popped last, and
  // before it was pushed. It counts as available: ResumeNotifications answers true for it.
  void UndoPop();
  // True when Pop would find a buffer (or an error).
  bool HasAvailable() const;

  // Gives a buffer back, `written` bytes of its writable part filled. Publishes it at once; whether
  // the driver wants an interrupt is asked separately, once for a batch.
  void Push(uint16_t head, uint32_t written);
  void Push(const Chain& chain, uint32_t written) { Push(chain.head(), written); }
  // True when the driver wants to hear of the buffers pushed since the last call (2.7.10); false
  // when there were none.
  [[nodiscard]] bool ShouldSignal();

  // Tells the driver not to notify while we look at the queue anyway (2.7.10). A hint: it may.
  void SuppressNotifications();
  // Asks for notifications again. True when buffers arrived meanwhile: the caller must look at the
  // queue once more, because no notification will come for those. This closes the lost-wake-up
  // window and must be the last thing before going to sleep.
  [[nodiscard]] bool ResumeNotifications();

  // Since construction, for statistics. Any thread.
  uint64_t popped() const { return popped_.Get(); }
  uint64_t pushed() const { return pushed_.Get(); }

  // For a transport that keeps the driver's position (vhost-user): the available index that Pop
  // looks at next. GoOnAt sets it and takes the used index from the ring; after Enable, while no
  // buffer is out.
  uint16_t next_available() const { return next_available_; }
  void GoOnAt(uint16_t next_available);

  // The ring positions (the addresses belong to the transport). Load after Enable.
  void Save(StateWriter& writer) const;
  void Load(StateReader& reader);

 private:
  uint16_t AvailableIndex() const;
  std::optional<QueueError> Walk(Chain& chain, GuestAddress table, uint32_t table_size,
                                 uint16_t index, bool in_indirect) const;

  const GuestMemory* memory_ = nullptr;
  QueueConfig config_{};
  uint16_t next_available_ = 0;  // free-running, as the rings' idx fields
  uint16_t next_used_ = 0;
  // Pushed since ShouldSignal was last asked. Wider than the rings' counters: a driver that polls
  // takes back any number of buffers meanwhile, and a full turn of 2^16 must not look like none.
  uint64_t unsignalled_ = 0;
  Counter popped_;
  Counter pushed_;
};

}  // namespace vmtest
