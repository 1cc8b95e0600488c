// Packets of the control channel (docs/control-protocol.md): a text and descriptors, in one message
// of a SOCK_SEQPACKET socket.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "addon/system_error.h"
#include "base/unique_fd.h"

namespace vmtest::addon {

inline constexpr size_t kMaxPacketSize = size_t{64} * 1024;
inline constexpr size_t kMaxPacketFds = 64;

struct Packet {
  std::string text;
  std::vector<UniqueFd> fds;  // close-on-exec
};

struct NothingNow {};  // the socket would block
struct PeerClosed {};
struct BadPacket {
  std::string why;
};
using Received = std::variant<Packet, NothingNow, PeerClosed, BadPacket>;

// One packet, without waiting. `buffer` is scratch of kMaxPacketSize bytes. Descriptors of a packet
// that is refused are closed. An empty packet looks like the end, and is taken for it.
Received ReceivePacket(int socket, std::span<char> buffer);

// True when the kernel took it, false when it would have to wait.
SystemResult<bool> SendPacket(int socket, std::string_view text, std::span<const int> fds);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);

}  // namespace vmtest::addon
