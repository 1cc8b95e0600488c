// Ring: what the front-end said about one queue, and the events of it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "event/event_fd.h"
#include "event/event_loop.h"
#include "vhost_user/memory_table.h"
#include "virtio/counter.h"
#include "virtio/queue.h"

namespace vmtest::vhost_user {

class Ring {
 public:
  // Where a driver has its ring, and how far it has come. As long as none of it changes, it is the
  // same driver.
  struct Place {
    uint32_t size = 0;
    // Addresses in the front-end.
    uint64_t descriptors = 0;
    uint64_t used = 0;
    uint64_t available = 0;
    uint16_t base = 0;  // the next available index

    bool operator==(const Place&) const = default;
  };

  Place place;
  bool enabled = false;  // by SET_VRING_ENABLE
  Counter notified;
  Counter signalled;

  // Between SET_VRING_KICK and GET_VRING_BASE.
  bool started() const { return kick_.has_value(); }
  // Watches the event; `on_kick` may come without need. kInvalidArgument when it is not an eventfd.
  Result<> Start(EventLoop& loop, UniqueFd event, std::function<void()> on_kick);
  void Stop();

  // Gives every event up; what was counted stays.
  void Close();

  // An event that is not valid: none. kInvalidArgument when it is not an eventfd.
  Result<> SetCall(UniqueFd event);
  Result<> SetError(UniqueFd event);
  // Interrupts the driver.
  void Signal();
  void SignalError() const;

  // What Queue::Enable takes; none when an address lies in no memory or the size in no range. How
  // large a ring may be the front-end has told the guest, without asking us: any size will do.
  std::optional<QueueConfig> Configure(const MemoryTable& memory, uint64_t features) const;

 private:
  std::optional<EventFd> kick_;
  Watch kick_watch_;  // after kick_: it must go first
  std::optional<EventFd> call_;
  std::optional<EventFd> error_;
};

}  // namespace vmtest::vhost_user
