#include "control/channel.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/received_descriptors.h"

namespace vmtest {

Result<std::unique_ptr<ControlChannel>> ControlChannel::Create(EventLoop& loop, UniqueFd socket,
                                                               Handler handler) {
  int type = 0;
  socklen_t length = sizeof(type);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &length) < 0) {
    return FailErrno("look at the control socket");
  }
  if (type != SOCK_SEQPACKET) {
    return Fail(ErrorCode::kInvalidArgument, "the control socket is not of type SOCK_SEQPACKET");
  }
  VM_TRY(SetNonBlocking(socket.get()));
  const int fd = socket.get();
  std::unique_ptr<ControlChannel> channel(
      new ControlChannel(std::move(socket), std::move(handler)));
  channel->watch_ = VM_TRY(
      loop.Add(fd, EPOLLIN, [raw = channel.get()](uint32_t events) { raw->OnReady(events); }));
  return channel;
}

void ControlChannel::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    SendQueued();
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    ReceiveOne();  // level-triggered: the next round takes the next packet
  }
}

bool ControlChannel::ReceiveOne() {
  std::vector<char> text(kMaxPacketBytes);
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(int) * kMaxPacketDescriptors)> control;
  iovec vector{.iov_base = text.data(), .iov_len = text.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
    return false;
  }
  std::vector<UniqueFd> descriptors;
  if (received >= 0) {
    TakeDescriptors(message, descriptors);
  }
  if (received <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    End();
    return false;
  }
  handler_.on_packet(std::string_view(text.data(), static_cast<size_t>(received)),
                     std::move(descriptors));
  return true;
}

void ControlChannel::Send(std::string text, UniqueFd descriptor) {
  if (ended_) {
    return;
  }
  queue_.push_back({.text = std::move(text), .descriptor = std::move(descriptor)});
  SendQueued();
}

void ControlChannel::SendQueued() {
  while (!queue_.empty() && !ended_) {
    const Packet& packet = queue_.front();
    iovec vector{.iov_base = const_cast<char*>(packet.text.data()), .iov_len = packet.text.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(int))> control{};
    if (packet.descriptor) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = packet.descriptor.get();
      std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno == EAGAIN || errno == ENOBUFS) {
        watch_.SetEvents(EPOLLIN | EPOLLOUT);
        return;
      }
      // The host is gone; the end arrives as readable, and End is called from there.
      queue_.clear();
      return;
    }
    queue_.pop_front();
  }
  if (watch_) {
    watch_.SetEvents(EPOLLIN);
  }
}

void ControlChannel::Flush(int timeout_ms) {
  while (!queue_.empty() && !ended_) {
    pollfd wait{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&wait, 1, timeout_ms) <= 0) {
      return;
    }
    SendQueued();
  }
}

void ControlChannel::End() {
  if (!ended_) {
    ended_ = true;
    watch_.Reset();
    handler_.on_end();
  }
}

}  // namespace vmtest
