#include "addon/packet.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/received_descriptors.h"

namespace vmtest::addon {
namespace {

constexpr size_t kControlSize = CMSG_SPACE(kMaxPacketFds * sizeof(int));

}  // namespace

Received ReceivePacket(int socket, std::span<char> buffer) {
  alignas(cmsghdr) char control[kControlSize];
  iovec part{.iov_base = buffer.data(), .iov_len = std::min(buffer.size(), kMaxPacketSize)};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    if (errno == EAGAIN) {
      return NothingNow{};
    }
    // A peer that closes with packets of ours unread: the end like any other.
    if (errno == ECONNRESET) {
      return PeerClosed{};
    }
    return BadPacket{Describe({.number = errno, .syscall = "recvmsg"})};
  }
  std::vector<UniqueFd> fds;
  TakeDescriptors(message, fds);
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return BadPacket{"a packet of more than " + std::to_string(kMaxPacketSize) + " bytes"};
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return BadPacket{"a packet with more than " + std::to_string(kMaxPacketFds) +
                     " descriptors, or with more than this process may still open"};
  }
  if (size == 0) {
    return PeerClosed{};
  }
  std::string text(buffer.data(), static_cast<size_t>(size));
  if (!IsUtf8(text)) {
    return BadPacket{"a packet that is not UTF-8"};
  }
  return Packet{.text = std::move(text), .fds = std::move(fds)};
}

SystemResult<bool> SendPacket(int socket, std::string_view text, std::span<const int> fds) {
  alignas(cmsghdr) char control[kControlSize] = {};
  // sendmsg only reads from it; iovec has one type for both directions.
  iovec part{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno != EAGAIN) {
    return FailSystem("sendmsg");
  }
  return sent >= 0;
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) {
      continue;
    }
    // How many bytes follow, and the bounds of the first of them; RFC 3629, section 4.
    size_t more = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      low = lead == 0xe0 ? 0xa0 : low;
      high = lead == 0xed ? 0x9f : high;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      low = lead == 0xf0 ? 0x90 : low;
      high = lead == 0xf4 ? 0x8f : high;
    } else {
      return false;
    }
    for (; more > 0; --more) {
      const unsigned next = at < text.size() ? static_cast<unsigned char>(text[at++]) : 0U;
      if (next < low || next > high) {
        return false;
      }
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}

}  // namespace vmtest::addon
