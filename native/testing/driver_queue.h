// DriverQueue: the driver's side of one split virtqueue, for tests and fuzz targets.
//
// It plays what Linux' virtio_ring.c does: places chains, publishes them, decides whether to notify
// the device, takes used buffers back and suppresses interrupts. It can also misbehave in any way a
// hostile guest could: raw descriptors, raw heads and raw indices.
//
//   DriverQueue driver(memory, 0x1000, 0x20000, {.size = 8, .event_index = true});
//   queue.Enable(memory, driver.config());
//   driver.Chain().Readable(request).Writable(512).Writable(1).Publish();
//   ...
//   const UsedBuffer used = driver.TakeUsed().value();
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "memory/guest_memory.h"
#include "virtio/queue.h"

namespace vmtest {

// virtio 1.2, section 2.7.5.
struct DriverDescriptor {
  uint64_t address = 0;
  uint32_t length = 0;
  uint16_t flags = 0;
  uint16_t next = 0;
};
inline constexpr uint16_t kDriverNext = 1;
inline constexpr uint16_t kDriverWrite = 2;
inline constexpr uint16_t kDriverIndirect = 4;

// A buffer that the device gave back.
struct UsedBuffer {
  uint32_t id = 0;                // the head that the device named; 32 bits in the ring
  uint32_t length = 0;            // bytes that the device says it wrote
  std::vector<uint8_t> writable;  // the whole device-writable part as it is now

  // What the device claims to have written: the first `length` bytes.
  std::span<const uint8_t> written() const {
    return std::span(writable).first(std::min<size_t>(length, writable.size()));
  }
};

class DriverQueue;

// Builds one chain, segment by segment, in the order given. Place or Publish ends it.
class ChainBuilder {
 public:
  // A segment that the device reads, in memory of the queue's own area.
  ChainBuilder& Readable(std::span<const uint8_t> bytes);
  template <typename T>
    requires(std::is_trivially_copyable_v<T> && !std::is_convertible_v<T, std::span<const uint8_t>>)
  ChainBuilder& Readable(const T& value) {
    const auto* bytes = static_cast<const uint8_t*>(static_cast<const void*>(&value));
    return Readable(std::span(bytes, sizeof(T)));
  }
  // A segment of `size` bytes that the device writes, filled with 0xEE.
  ChainBuilder& Writable(uint32_t size);
  // The same at any address, checked by nobody.
  ChainBuilder& ReadableAt(GuestAddress address, uint32_t size);
  ChainBuilder& WritableAt(GuestAddress address, uint32_t size);
  // A descriptor with these very flags; NEXT and `next` are added where one follows.
  ChainBuilder& Raw(GuestAddress address, uint32_t length, uint16_t flags);
  // What follows goes into an indirect table, the last descriptor of the chain.
  ChainBuilder& Indirect();

  // Writes the descriptors and the ring entry, which the device does not see before
  // DriverQueue::Publish. Returns the head.
  uint16_t Place();
  // Place, then DriverQueue::Publish.
  uint16_t Publish();

 private:
  friend class DriverQueue;
  explicit ChainBuilder(DriverQueue& driver) : driver_(driver) {}

  DriverQueue& driver_;
  std::vector<DriverDescriptor> segments_;
  std::vector<GuestAddress> allocations_;
  std::optional<size_t> indirect_from_;
};

class DriverQueue {
 public:
  struct Options {
    uint16_t size = 16;
    bool event_index = false;
    bool indirect = true;
  };

  // Lays the rings, zeroed, at `base` (4 KiB-aligned), and takes the rest of [base, base + area)
  // for buffers and indirect tables. `memory` must outlive this.
  DriverQueue(const GuestMemory& memory, GuestAddress base, uint64_t area, const Options& options);

  // What the device's Queue::Enable, or the transport's registers, want to know.
  const QueueConfig& config() const { return config_; }
  uint16_t size() const { return config_.size; }

  // Well-behaved use. A chain takes free descriptors; running out of them or of the area is a
  // mistake of the test and ends it.
  ChainBuilder Chain() { return ChainBuilder(*this); }
  // Makes what was placed visible to the device.
  void Publish();
  // True when the device wants a notification for what was published since the last call (2.7.10).
  [[nodiscard]] bool NeedsNotify();
  // Free descriptors in the table.
  size_t free_descriptors() const { return free_.size(); }
  // Chains that the device holds.
  size_t in_flight() const { return chains_.size(); }

  // The next buffer that the device gave back, or none. Its descriptors and memory are free again.
  // While interrupts are enabled this also moves used_event on, as Linux does.
  std::optional<UsedBuffer> TakeUsed();
  // Every one that is there.
  std::vector<UsedBuffer> TakeAllUsed();
  bool HasUsed() const;

  // Interrupts are enabled from the start.
  void DisableInterrupts();
  // True when buffers were used meanwhile: look again, no interrupt will come for those.
  [[nodiscard]] bool EnableInterrupts();

  // Misbehaviour.
  // Overwrites one descriptor of the table, or of an indirect table at `table`.
  void WriteDescriptor(uint16_t index, const DriverDescriptor& descriptor);
  void WriteDescriptorAt(GuestAddress table, uint16_t index, const DriverDescriptor& descriptor);
  // Puts any head into the next slot of the available ring and publishes it.
  void PublishHead(uint16_t head);
  // Writes any available index.
  void WriteAvailIndex(uint16_t index);
  void WriteUsedEvent(uint16_t index);
  // Memory of the queue's own area, for requests that are laid out by hand; never given back.
  GuestAddress Allocate(uint64_t size);

  // What the rings say now.
  uint16_t avail_index() const { return avail_index_; }
  uint16_t used_index() const;
  uint16_t avail_event() const;
  uint16_t used_flags() const;

 private:
  friend class ChainBuilder;
  struct Outstanding {
    std::vector<uint16_t> descriptors;
    std::vector<GuestAddress> allocations;
    std::vector<DriverDescriptor> writable;
  };

  uint16_t PlaceChain(ChainBuilder& chain);
  void Free(const std::vector<GuestAddress>& allocations);
  UsedBuffer Release(uint32_t id, uint32_t length);

  const GuestMemory& memory_;
  QueueConfig config_{};
  GuestAddress next_free_ = 0;
  GuestAddress end_ = 0;
  std::map<GuestAddress, uint64_t> sizes_;                   // of every allocation
  std::map<uint64_t, std::vector<GuestAddress>> free_list_;  // by size
  std::vector<uint16_t> free_;                               // descriptors
  std::map<uint16_t, Outstanding> chains_;                   // by head
  uint16_t avail_index_ = 0;                                 // placed, maybe not published
  uint16_t published_ = 0;
  uint16_t notified_ = 0;  // published_ when NeedsNotify was last asked
  uint16_t used_index_ = 0;
  bool interrupts_ = true;
};

}  // namespace vmtest
