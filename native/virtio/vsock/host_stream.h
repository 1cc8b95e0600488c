// HostStream: the host's side of one connection, our end of an AF_UNIX socketpair.
//
// It takes every byte that it is given: what the socket does not take is buffered here. How much
// that can be is not its business; credit (credit.h) bounds it.
//
// The socket is watched edge-triggered. An edge says that something changed since the last EAGAIN,
// so the owner remembers "readable" until Read says kEmpty. Level-triggered watching would have to
// be switched off and on with a system call each time the guest has no credit or no rx buffers,
// and would spin on a hang-up (which cannot be masked) that comes while data waits for credit.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "event/event_loop.h"

namespace vmtest::vsock {

class HostStream {
 public:
  struct Pair {
    std::unique_ptr<HostStream> ours;
    UniqueFd theirs;  // blocking, close-on-exec
  };
  // EPOLLIN, EPOLLRDHUP: Read may find something. EPOLLOUT: Flush may. EPOLLHUP: the other end
  // is closed or both directions are shut down; Read still gives what was written before.
  // May destroy the stream.
  using EventCallback = std::function<void(uint32_t events)>;

  // `socket_buffer`: bytes asked for (SO_SNDBUF) in each direction; the host's limit
  // (net.core.wmem_max) applies silently.
  static Result<Pair> Create(EventLoop& loop, int socket_buffer, EventCallback on_event);

  struct ReadResult {
    enum class Kind { kBytes, kEmpty, kEnd };
    Kind kind;
    uint32_t size = 0;  // with kBytes, at least 1
  };
  // Into `space`, which is not empty in all.
  ReadResult Read(std::span<const iovec> space);

  // Takes all of `bytes`. Returns how many have left us: written, or dropped because the host takes
  // no more. The rest is pending().
  uint64_t Write(std::span<const iovec> bytes);
  // Writes what is pending, as far as it goes. Returns how many bytes have left us.
  uint64_t Flush();
  uint64_t pending() const { return pending_.size() - flushed_; }
  // False once the host has closed or shut down its reading side; what was pending is dropped.
  bool takes_more() const { return takes_more_; }

  // The host sees an end after the last byte. Only when nothing is pending.
  void FinishWriting();
  // The host can write no more (EPIPE).
  void FinishReading();
  // FinishReading, and what it had written is thrown away. Without this, closing our end tells the
  // host ECONNRESET when unread bytes are lost; with it, a plain end.
  void DiscardReading();

 private:
  explicit HostStream(UniqueFd fd) : fd_(std::move(fd)) {}

  // Bytes sent: fewer than asked for when the socket is full, or has failed (takes_more_).
  uint64_t Send(std::span<const iovec> bytes);
  void SetWatch();

  UniqueFd fd_;
  Watch watch_;  // after fd_: it must go first
  std::vector<uint8_t> pending_;
  size_t flushed_ = 0;  // of pending_
  bool takes_more_ = true;
};

}  // namespace vmtest::vsock
