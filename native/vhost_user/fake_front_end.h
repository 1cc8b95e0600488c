// FakeFrontEnd: QEMU's side of vhost-user and the guest's driver behind it, for tests and fuzz
// targets. It does what it is told, right or wrong.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/state.h"
#include "event/event_fd.h"
#include "memory/guest_memory.h"
#include "testing/driver_queue.h"
#include "vhost_user/message.h"

namespace vmtest::vhost_user {

// A memfd of `size` bytes; with `seals` none or F_SEAL_SHRINK.
UniqueFd MakeMemfd(uint64_t size, int seals);

class FakeFrontEnd {
 public:
  static constexpr uint64_t kUser = 0x7f1200000000;  // where it says that it has guest memory
  static constexpr uint64_t kQueueArea = 2 * kMiB;   // rings and buffers of each queue
  static constexpr uint64_t kMemory = 2 * kQueueArea;
  static constexpr uint64_t kAllFeatures =
      kFeatureProtocol | uint64_t{1} << 32 | uint64_t{1} << 28;  // VERSION_1, INDIRECT_DESC

  FakeFrontEnd();

  // The back-end's end of the socket, once.
  UniqueFd TakeBackEnd() { return std::move(back_end_); }
  int socket() const { return socket_.get(); }
  void Hang() { socket_.Reset(); }

  // A message as it goes over the wire; borrowed descriptors.
  void Send(RequestType type, const StateWriter& payload = {}, const std::vector<int>& fds = {},
            uint32_t flags = 1) const;
  void SendBytes(std::span<const uint8_t> bytes, const std::vector<int>& fds = {}) const;
  static std::vector<uint8_t> Bytes(RequestType type, const StateWriter& payload,
                                    uint32_t flags = 1);
  // What has come back, all of it. Does not wait.
  std::vector<uint8_t> Receive() const;
  // Whether the back-end has closed its end.
  bool Closed() const;

  // Messages, as QEMU makes them.
  static StateWriter Number(uint64_t value);
  static StateWriter RingNumber(uint32_t ring, uint32_t value);
  StateWriter Addresses(uint32_t ring) const;
  // All of guest memory, `pieces` times as many pieces.
  static StateWriter MemTable(uint64_t pieces = 1);
  int memory_file() const { return memfd_.get(); }
  const EventFd& kick(uint32_t ring) const { return kicks_[ring]; }
  const EventFd& call(uint32_t ring) const { return calls_[ring]; }

  // The order of QEMU 7.2. Replies are left to be received.
  void SendMemTable() const;
  void SendRing(uint32_t ring, uint16_t base) const;
  void Start(uint16_t rx_base = 0, uint16_t tx_base = 0) const;
  // SET_VRING_ENABLE 0 and GET_VRING_BASE for both.
  void Stop() const;

  DriverQueue& driver(uint32_t ring) { return *drivers_[ring]; }
  const GuestMemory& memory() const { return *memory_; }
  // As a driver that starts afresh.
  void NewDriver();

 private:
  UniqueFd socket_;
  UniqueFd back_end_;
  UniqueFd memfd_;
  std::optional<GuestMemory> memory_;
  std::vector<std::unique_ptr<DriverQueue>> drivers_;
  std::vector<EventFd> kicks_;
  std::vector<EventFd> calls_;
};

}  // namespace vmtest::vhost_user
