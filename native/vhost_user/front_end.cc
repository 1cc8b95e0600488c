#include "vhost_user/front_end.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/received_descriptors.h"

namespace vmtest::vhost_user {
namespace {

Result<int> SocketOption(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0) {
    return Fail(ErrorCode::kInvalidArgument, "the vhost-user descriptor is not a socket");
  }
  return value;
}

}  // namespace

Result<std::unique_ptr<FrontEnd>> FrontEnd::Create(EventLoop& loop, UniqueFd socket,
                                                   Handler handler) {
  if (VM_TRY(SocketOption(socket.get(), SO_DOMAIN)) != AF_UNIX ||
      VM_TRY(SocketOption(socket.get(), SO_TYPE)) != SOCK_STREAM) {
    return Fail(ErrorCode::kInvalidArgument,
                "the vhost-user socket is not of the family AF_UNIX and type SOCK_STREAM");
  }
  const int fd = socket.get();
  std::unique_ptr<FrontEnd> front_end(new FrontEnd(std::move(socket), std::move(handler)));
  front_end->watch_ =
      VM_TRY(loop.Add(fd, EPOLLIN, [raw = front_end.get()](uint32_t) { raw->OnReady(); }));
  return front_end;
}

// Level-triggered: what one turn leaves, the next one takes.
void FrontEnd::OnReady() {
  const auto more = Receive();
  if (!more) {
    End(more.error());
    return;
  }
  if (!*more) {
    End(std::nullopt);
    return;
  }
  if (bytes_.size() == needed_) {
    if (const auto taken = TakeMessage(); !taken) {
      End(taken.error());
    }
  }
}

// False when the front-end is gone. Never reads past the message: what follows may come with
// descriptors that are not this one's.
Result<bool> FrontEnd::Receive() {
  std::array<uint8_t, kHeaderSize + kMaxPayload> space;
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> control;
  iovec vector{.iov_base = space.data(), .iov_len = needed_ - bytes_.size()};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (received < 0) {
    if (errno == EAGAIN || errno == EINTR) {
      return true;
    }
    if (errno == ECONNRESET) {
      return false;  // it closed with replies unread
    }
    return FailErrno("receive from the vhost-user front-end");
  }
  TakeDescriptors(message, descriptors_);
  if ((message.msg_flags & MSG_CTRUNC) != 0 || descriptors_.size() > kMaxDescriptors) {
    return Fail(ErrorCode::kProtocol,
                "the vhost-user front-end sent more descriptors than any message takes");
  }
  bytes_.insert(bytes_.end(), space.begin(), space.begin() + received);
  return received > 0;
}

// Every byte that was asked for is there: a header, then the payload that it tells of.
Result<> FrontEnd::TakeMessage() {
  if (!header_) {
    header_ = VM_TRY(ParseHeader(std::span(bytes_).first<kHeaderSize>()));
    needed_ += header_->size;
    if (bytes_.size() < needed_) {
      return {};
    }
  }
  const Header header = *header_;
  auto message =
      ParseMessage(header, std::span(bytes_).subspan(kHeaderSize), std::exchange(descriptors_, {}));
  header_.reset();
  needed_ = kHeaderSize;
  bytes_.clear();
  return handler_.on_message(header, VM_TRY(std::move(message)));
}

Result<> FrontEnd::Send(std::span<const uint8_t> bytes) {
  ssize_t sent;
  do {
    sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
    return {};  // gone: that is what is received next
  }
  if (sent < 0) {
    return FailErrno("answer the vhost-user front-end");
  }
  if (static_cast<size_t>(sent) != bytes.size()) {
    return Fail(ErrorCode::kIo, "the vhost-user front-end does not read its answers");
  }
  return {};
}

void FrontEnd::End(std::optional<Error> error) {
  watch_.Reset();
  socket_.Reset();  // a front-end that waits for an answer learns of it
  descriptors_.clear();
  handler_.on_end(std::move(error));
}

}  // namespace vmtest::vhost_user
