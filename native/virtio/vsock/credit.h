// Credit: who may send how much on one connection (virtio 1.2, section 5.10.6.3).
//
// All counters are free-running and wrap at 2^32; only their differences mean anything. Payload
// bytes count, headers do not.
#pragma once

#include <cstdint>

namespace vmtest::vsock {

// What we may still send to the guest.
class SendCredit {
 public:
  // The guest's buf_alloc and fwd_cnt, from any packet of the connection. False when it
  // acknowledges bytes that it was never sent: nothing it says can be believed any more.
  [[nodiscard]] bool Update(uint32_t buf_alloc, uint32_t fwd_cnt) {
    peer_buf_alloc_ = buf_alloc;
    if (sent_ - fwd_cnt <= in_flight()) {
      peer_fwd_cnt_ = fwd_cnt;
      return true;
    }
    // Outside of [what we knew, what we sent]. Linux threads may queue a packet that was filled in
    // earlier after a later one: an old count is harmless, and must not take credit back, because
    // no further packet may come to give it again.
    return static_cast<int32_t>(fwd_cnt - peer_fwd_cnt_) < 0;
  }

  // A guest may shrink buf_alloc below what is in flight: then nothing is free.
  uint32_t free() const {
    return in_flight() >= peer_buf_alloc_ ? 0 : peer_buf_alloc_ - in_flight();
  }
  // `size` is at most free().
  void Sent(uint32_t size) { sent_ += size; }

 private:
  uint32_t in_flight() const { return sent_ - peer_fwd_cnt_; }

  uint32_t peer_buf_alloc_ = 0;
  uint32_t peer_fwd_cnt_ = 0;
  uint32_t sent_ = 0;
};

// What we promised to take from the guest.
class ReceiveCredit {
 public:
  // `promise`: our buf_alloc, in bytes; constant for the life of the connection.
  explicit ReceiveCredit(uint32_t promise) : promise_(promise) {}

  uint32_t promise() const { return promise_; }
  // Bytes received that have not left us.
  uint32_t buffered() const { return received_ - forwarded_; }

  // Data came. False when it is more than was promised.
  [[nodiscard]] bool Receive(uint32_t size) {
    if (size > promise_ - buffered()) {
      return false;
    }
    received_ += size;
    return true;
  }
  // `size` bytes left us, at most buffered().
  void Forward(uint32_t size) { forwarded_ += size; }

  // fwd_cnt for a packet that is now sent to the guest.
  uint32_t Announce() {
    announced_ = forwarded_;
    return forwarded_;
  }

  // True when the guest must be told, because it could stall on what it does not know.
  //
  // The guest believes that promise - (received - announced) bytes are free, or less when packets
  // of its are still in the queue; those come here again when they are received. As long as that
  // is at least half of the promise it can go on. Below that, every byte that left us is news. So
  // when nothing is pending either half the promise is free for it, or it knows all there is to
  // know; it never waits for what has already happened. One update per half promise of traffic is
  // the price.
  bool ShouldAnnounce() const {
    return announced_ != forwarded_ && received_ - announced_ > promise_ / 2;
  }

 private:
  uint32_t promise_;
  uint32_t received_ = 0;
  uint32_t forwarded_ = 0;
  uint32_t announced_ = 0;
};

}  // namespace vmtest::vsock
