// A child process for child_channel_test: sends every packet on fd 3 back, until the end.
#include <poll.h>

#include "addon/packet.h"
#include "addon/spawn.h"

int main() {
  using namespace vmtest::addon;
  std::vector<char> buffer(kMaxPacketSize);
  const auto wait = [](short events) {
    pollfd channel{.fd = kChannelFd, .events = events, .revents = 0};
    ::poll(&channel, 1, -1);
  };
  for (;;) {
    const Received received = ReceivePacket(kChannelFd, buffer);
    if (std::holds_alternative<NothingNow>(received)) {
      wait(POLLIN);
      continue;
    }
    const auto* packet = std::get_if<Packet>(&received);
    if (packet == nullptr) {
      return 0;
    }
    for (;;) {
      const auto sent = SendPacket(kChannelFd, packet->text, {});
      if (!sent) {
        return 1;
      }
      if (*sent) {
        break;
      }
      wait(POLLOUT);
    }
  }
}
