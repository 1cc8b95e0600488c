#include "virtio/vsock/host_stream.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"

namespace vmtest::vsock {
namespace {

constexpr uint32_t kWatchAlways = EPOLLIN | EPOLLRDHUP | EPOLLET;

uint64_t TotalSize(std::span<const iovec> pieces) {
  uint64_t size = 0;
  for (const iovec& piece : pieces) {
    size += piece.iov_len;
  }
  return size;
}

// sendmsg and recvmsg with what every call here wants: no waiting, no SIGPIPE, EINTR retried.
// iovecs are not written to, but msghdr has no const.
msghdr MessageOf(std::span<const iovec> pieces) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return message;
}

ssize_t SendOnce(int fd, std::span<const iovec> pieces) {
  const msghdr message = MessageOf(pieces);
  ssize_t sent;
  do {
    sent = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t ReceiveOnce(int fd, std::span<const iovec> pieces) {
  // No control buffer: descriptors that the host passes are dropped by the kernel.
  msghdr message = MessageOf(pieces);
  ssize_t received;
  do {
    received = ::recvmsg(fd, &message, MSG_DONTWAIT);
  } while (received < 0 && errno == EINTR);
  return received;
}

}  // namespace

Result<HostStream::Pair> HostStream::Create(EventLoop& loop, int socket_buffer,
                                            EventCallback on_event) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0) {
    return FailErrno("create a socket pair");
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  for (const int fd : ends) {
    // A wish: a smaller buffer is slower, not wrong.
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof(socket_buffer));
  }
  const int raw = ours.get();
  std::unique_ptr<HostStream> stream(new HostStream(std::move(ours)));
  stream->watch_ = VM_TRY(loop.Add(raw, kWatchAlways, std::move(on_event)));
  return Pair{.ours = std::move(stream), .theirs = std::move(theirs)};
}

HostStream::ReadResult HostStream::Read(std::span<const iovec> space) {
  const ssize_t received = ReceiveOnce(fd_.get(), space);
  if (received > 0) {
    return {.kind = ReadResult::Kind::kBytes, .size = static_cast<uint32_t>(received)};
  }
  if (received < 0 && errno == EAGAIN) {
    return {.kind = ReadResult::Kind::kEmpty};
  }
  // Zero, or ECONNRESET: the host closed while bytes of ours were unread. Both are the end.
  return {.kind = ReadResult::Kind::kEnd};
}

uint64_t HostStream::Send(std::span<const iovec> bytes) {
  const ssize_t sent = SendOnce(fd_.get(), bytes);
  if (sent >= 0) {
    return static_cast<uint64_t>(sent);
  }
  // ENOBUFS and ENOMEM: the host has none left for the moment. To wait for EPOLLOUT is right only
  // if it comes; nothing in the socket would make it come, so the stream ends instead of hanging.
  if (errno != EAGAIN) {
    takes_more_ = false;
  }
  return 0;
}

uint64_t HostStream::Write(std::span<const iovec> bytes) {
  const uint64_t size = TotalSize(bytes);
  uint64_t done = 0;
  if (takes_more_ && pending() == 0 && size > 0) {
    // A short write does not always mean that the socket is full; only EAGAIN arms EPOLLOUT, which
    // SetWatch does, and arming reports a socket that has room.
    done = Send(bytes);
  }
  if (!takes_more_) {
    return size;
  }
  uint64_t skip = done;
  for (const iovec& piece : bytes) {
    const uint64_t skipped = std::min<uint64_t>(skip, piece.iov_len);
    const auto* begin = static_cast<const uint8_t*>(piece.iov_base);
    pending_.insert(pending_.end(), begin + skipped, begin + piece.iov_len);
    skip -= skipped;
  }
  SetWatch();
  return done;
}

uint64_t HostStream::Flush() {
  uint64_t done = 0;
  while (takes_more_ && pending() > 0) {
    const iovec rest{.iov_base = pending_.data() + flushed_, .iov_len = pending()};
    const uint64_t sent = Send({&rest, 1});
    if (sent == 0) {
      break;
    }
    flushed_ += sent;
    done += sent;
  }
  if (!takes_more_) {
    done += pending();
    flushed_ = pending_.size();
  }
  if (pending() == 0) {
    pending_ = {};  // an idle connection holds no memory
    flushed_ = 0;
  } else if (flushed_ > pending_.size() / 2) {
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(flushed_));
    flushed_ = 0;
  }
  SetWatch();
  return done;
}

void HostStream::SetWatch() {
  watch_.SetEvents(pending() > 0 ? kWatchAlways | EPOLLOUT : kWatchAlways);
}

void HostStream::FinishWriting() {
  VMTEST_CHECK(pending() == 0);
  ::shutdown(fd_.get(), SHUT_WR);
}

void HostStream::FinishReading() { ::shutdown(fd_.get(), SHUT_RD); }

void HostStream::DiscardReading() {
  FinishReading();
  // Ends: nothing can be added any more.
  std::vector<uint8_t> scratch(size_t{16} * 1024);
  const iovec space{.iov_base = scratch.data(), .iov_len = scratch.size()};
  while (ReceiveOnce(fd_.get(), {&space, 1}) > 0) {
  }
}

}  // namespace vmtest::vsock
