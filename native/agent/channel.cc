#include "agent/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace vmtest::agent {
namespace {

constexpr size_t kReadSize = 128 * 1024;

}  // namespace

void Channel::Abandon() {
  if (abandon_ != nullptr) {
    abandon_(abandon_context_);
  }
  ::_exit(0);
}

Frame Channel::Read() {
  Frame frame{};
  while (true) {
    switch (in_->Next(&frame)) {
      case FrameBuffer::Status::kFrame:
        return frame;
      case FrameBuffer::Status::kTooLong:
        // No caller takes this type, so it ends in the same refusal as any stray frame.
        return {FrameType::kError, {}};
      case FrameBuffer::Status::kNeedMore:
        break;
    }
    const ssize_t count = ::recv(socket_, in_->Space(kReadSize), kReadSize, 0);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      Abandon();
    }
    in_->Commit(static_cast<size_t>(count));
  }
}

void Channel::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      Abandon();
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

void Channel::WriteData(std::string_view bytes) {
  const size_t size = bytes.size();
  char header[kFrameHeader];
  for (size_t i = 0; i < 4; ++i) {
    header[i] = static_cast<char>(size >> (8 * i) & 0xff);
  }
  header[4] = static_cast<char>(FrameType::kData);
  iovec parts[2] = {{header, sizeof header}, {const_cast<char*>(bytes.data()), size}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  ssize_t count = 0;
  do {
    count = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    Abandon();
  }
  auto sent = static_cast<size_t>(count);
  if (sent < sizeof header) {
    Write({header + sent, sizeof header - sent});
    sent = sizeof header;
  }
  bytes.remove_prefix(sent - sizeof header);
  Write(bytes);
}

void Channel::CheckHost() {
  pollfd poll{socket_, POLLRDHUP, 0};
  if (::poll(&poll, 1, 0) == 1) {
    Abandon();
  }
}

void Channel::Finish(int limit_ms) {
  ::shutdown(socket_, SHUT_WR);
  char buffer[4096];
  pollfd poll{socket_, POLLIN, 0};
  while (::poll(&poll, 1, limit_ms) == 1) {
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      return;
    }
  }
}

}  // namespace vmtest::agent
