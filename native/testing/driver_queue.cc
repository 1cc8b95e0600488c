#include "testing/driver_queue.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"

namespace vmtest {
namespace {

constexpr uint64_t kDescriptorSize = 16;
constexpr uint64_t kAlignment = 16;
static_assert(sizeof(DriverDescriptor) == kDescriptorSize);

// virtio 1.2, sections 2.7.6 and 2.7.8.
constexpr uint16_t kAvailNoInterrupt = 1;
constexpr uint16_t kUsedNoNotify = 1;

uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

GuestAddress UsedEventAddress(const QueueConfig& c) {
  return c.available + 4 + uint64_t{2} * c.size;
}
GuestAddress AvailEventAddress(const QueueConfig& c) { return c.used + 4 + uint64_t{8} * c.size; }

}  // namespace

ChainBuilder& ChainBuilder::Readable(std::span<const uint8_t> bytes) {
  const GuestAddress address = driver_.Allocate(bytes.size());
  allocations_.push_back(address);
  VMTEST_CHECK(driver_.memory_.WriteBytes(address, bytes));
  return ReadableAt(address, static_cast<uint32_t>(bytes.size()));
}

ChainBuilder& ChainBuilder::Writable(uint32_t size) {
  const GuestAddress address = driver_.Allocate(size);
  allocations_.push_back(address);
  std::ranges::fill(driver_.memory_.Bytes(address, size).value(), uint8_t{0xEE});
  return WritableAt(address, size);
}

ChainBuilder& ChainBuilder::ReadableAt(GuestAddress address, uint32_t size) {
  return Raw(address, size, 0);
}

ChainBuilder& ChainBuilder::WritableAt(GuestAddress address, uint32_t size) {
  return Raw(address, size, kDriverWrite);
}

ChainBuilder& ChainBuilder::Raw(GuestAddress address, uint32_t length, uint16_t flags) {
  segments_.push_back({.address = address, .length = length, .flags = flags});
  return *this;
}

ChainBuilder& ChainBuilder::Indirect() {
  VMTEST_CHECK(!indirect_from_);
  indirect_from_ = segments_.size();
  return *this;
}

uint16_t ChainBuilder::Place() { return driver_.PlaceChain(*this); }

uint16_t ChainBuilder::Publish() {
  const uint16_t head = Place();
  driver_.Publish();
  return head;
}

DriverQueue::DriverQueue(const GuestMemory& memory, GuestAddress base, uint64_t area,
                         const Options& options)
    : memory_(memory) {
  config_ = {.size = options.size,
             .descriptors = base,
             .available = base + kDescriptorSize * options.size,
             .used = 0,
             .event_index = options.event_index,
             .indirect = options.indirect};
  config_.used = AlignUp(UsedEventAddress(config_) + 2, 4);
  next_free_ = AlignUp(AvailEventAddress(config_) + 2, kAlignment);
  end_ = base + area;
  VMTEST_CHECK(next_free_ <= end_ && memory.Contains(base, area));
  std::ranges::fill(memory.Bytes(base, next_free_ - base).value(), uint8_t{0});
  for (uint16_t i = options.size; i > 0; --i) {
    free_.push_back(static_cast<uint16_t>(i - 1));
  }
}

GuestAddress DriverQueue::Allocate(uint64_t size) {
  size = AlignUp(std::max<uint64_t>(size, 1), kAlignment);
  std::vector<GuestAddress>& reusable = free_list_[size];
  if (!reusable.empty()) {
    const GuestAddress address = reusable.back();
    reusable.pop_back();
    return address;
  }
  VMTEST_CHECK(size <= end_ - next_free_);
  const GuestAddress address = next_free_;
  next_free_ += size;
  sizes_[address] = size;
  return address;
}

void DriverQueue::Free(const std::vector<GuestAddress>& allocations) {
  for (const GuestAddress address : allocations) {
    free_list_[sizes_.at(address)].push_back(address);
  }
}

uint16_t DriverQueue::PlaceChain(ChainBuilder& chain) {
  Outstanding outstanding;
  for (const DriverDescriptor& segment : chain.segments_) {
    if ((segment.flags & kDriverWrite) != 0) {
      outstanding.writable.push_back(segment);
    }
  }
  std::vector<DriverDescriptor> direct = chain.segments_;
  if (chain.indirect_from_) {
    const auto split = direct.begin() + static_cast<ptrdiff_t>(*chain.indirect_from_);
    std::vector<DriverDescriptor> entries(split, direct.end());
    direct.erase(split, direct.end());
    const uint64_t bytes = kDescriptorSize * entries.size();
    const GuestAddress table = Allocate(bytes);
    chain.allocations_.push_back(table);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i + 1 < entries.size()) {
        entries[i].flags |= kDriverNext;
        entries[i].next = static_cast<uint16_t>(i + 1);
      }
      WriteDescriptorAt(table, static_cast<uint16_t>(i), entries[i]);
    }
    direct.push_back(
        {.address = table, .length = static_cast<uint32_t>(bytes), .flags = kDriverIndirect});
  }
  VMTEST_CHECK(!direct.empty() && direct.size() <= free_.size());
  for (size_t i = 0; i < direct.size(); ++i) {
    outstanding.descriptors.push_back(free_.back());
    free_.pop_back();
  }
  for (size_t i = 0; i < direct.size(); ++i) {
    if (i + 1 < direct.size()) {
      direct[i].flags |= kDriverNext;
      direct[i].next = outstanding.descriptors[i + 1];
    }
    WriteDescriptor(outstanding.descriptors[i], direct[i]);
  }
  const uint16_t head = outstanding.descriptors.front();
  outstanding.allocations = std::move(chain.allocations_);
  chains_[head] = std::move(outstanding);
  const uint64_t slot = avail_index_ % config_.size;
  VMTEST_CHECK(memory_.Write<uint16_t>(config_.available + 4 + 2 * slot, head));
  ++avail_index_;
  return head;
}

void DriverQueue::Publish() {
  published_ = avail_index_;
  VMTEST_CHECK(memory_.StoreRelease<uint16_t>(config_.available + 2, published_));
}

bool DriverQueue::NeedsNotify() {
  // The index must be visible before the device's wish is read: the device writes avail_event and
  // then looks at the index.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const uint16_t old = std::exchange(notified_, published_);
  if (!config_.event_index) {
    return old != published_ && (used_flags() & kUsedNoNotify) == 0;
  }
  return static_cast<uint16_t>(published_ - avail_event() - 1) <
         static_cast<uint16_t>(published_ - old);
}

bool DriverQueue::HasUsed() const { return used_index() != used_index_; }

std::optional<UsedBuffer> DriverQueue::TakeUsed() {
  if (!HasUsed()) {
    return std::nullopt;
  }
  const GuestAddress entry = config_.used + 4 + uint64_t{8} * (used_index_ % config_.size);
  const uint32_t id = memory_.Read<uint32_t>(entry).value();
  const uint32_t length = memory_.Read<uint32_t>(entry + 4).value();
  ++used_index_;
  if (interrupts_ && config_.event_index) {
    WriteUsedEvent(used_index_);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  return Release(id, length);
}

UsedBuffer DriverQueue::Release(uint32_t id, uint32_t length) {
  UsedBuffer used{.id = id, .length = length, .writable = {}};
  const auto chain = chains_.find(static_cast<uint16_t>(id));
  if (id > UINT16_MAX || chain == chains_.end()) {
    return used;  // published by hand, or an id the device made up
  }
  for (const DriverDescriptor& segment : chain->second.writable) {
    if (const auto bytes = memory_.Bytes(segment.address, segment.length)) {
      used.writable.insert(used.writable.end(), bytes->begin(), bytes->end());
    }
  }
  free_.insert(free_.end(), chain->second.descriptors.rbegin(), chain->second.descriptors.rend());
  Free(chain->second.allocations);
  chains_.erase(chain);
  return used;
}

std::vector<UsedBuffer> DriverQueue::TakeAllUsed() {
  std::vector<UsedBuffer> all;
  while (auto used = TakeUsed()) {
    all.push_back(std::move(*used));
  }
  return all;
}

void DriverQueue::DisableInterrupts() {
  interrupts_ = false;
  if (config_.event_index) {
    // Behind us: not reached again before 2^16 - 1 more buffers.
    WriteUsedEvent(static_cast<uint16_t>(used_index_ - 1));
  } else {
    VMTEST_CHECK(memory_.StoreRelease<uint16_t>(config_.available, kAvailNoInterrupt));
  }
}

bool DriverQueue::EnableInterrupts() {
  interrupts_ = true;
  if (config_.event_index) {
    WriteUsedEvent(used_index_);
  } else {
    VMTEST_CHECK(memory_.StoreRelease<uint16_t>(config_.available, 0));
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return HasUsed();
}

void DriverQueue::WriteDescriptor(uint16_t index, const DriverDescriptor& descriptor) {
  WriteDescriptorAt(config_.descriptors, index, descriptor);
}

void DriverQueue::WriteDescriptorAt(GuestAddress table, uint16_t index,
                                    const DriverDescriptor& descriptor) {
  VMTEST_CHECK(memory_.Write(table + kDescriptorSize * index, descriptor));
}

void DriverQueue::PublishHead(uint16_t head) {
  const uint64_t slot = avail_index_ % config_.size;
  VMTEST_CHECK(memory_.Write<uint16_t>(config_.available + 4 + 2 * slot, head));
  ++avail_index_;
  Publish();
}

void DriverQueue::WriteAvailIndex(uint16_t index) {
  avail_index_ = index;
  Publish();
}

void DriverQueue::WriteUsedEvent(uint16_t index) {
  VMTEST_CHECK(memory_.StoreRelease<uint16_t>(UsedEventAddress(config_), index));
}

uint16_t DriverQueue::used_index() const {
  return memory_.LoadAcquire<uint16_t>(config_.used + 2).value();
}

uint16_t DriverQueue::avail_event() const {
  return memory_.LoadAcquire<uint16_t>(AvailEventAddress(config_)).value();
}

uint16_t DriverQueue::used_flags() const {
  return memory_.LoadAcquire<uint16_t>(config_.used).value();
}

}  // namespace vmtest
