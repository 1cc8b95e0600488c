// ControlChannel: packets with descriptors over fd 3.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "event/event_loop.h"

namespace vmtest {

inline constexpr size_t kMaxPacketBytes = 64 * 1024;
inline constexpr size_t kMaxPacketDescriptors = 64;

class ControlChannel {
 public:
  struct Handler {
    std::function<void(std::string_view text, std::vector<UniqueFd> descriptors)> on_packet;
    // The host closed its end, or a packet broke the rules. Nothing follows.
    std::function<void()> on_end;
  };

  // Loop thread only. `socket` is an AF_UNIX SOCK_SEQPACKET socket.
  static Result<std::unique_ptr<ControlChannel>> Create(EventLoop& loop, UniqueFd socket,
                                                        Handler handler);

  // Sends in order; what the socket does not take now waits in a queue. A host that stops reading
  // makes the queue grow only by its own requests and by events, of which there are few.
  void Send(std::string text, UniqueFd descriptor = UniqueFd());

  // Waits, at most `timeout_ms`, until everything queued is sent. For the very end.
  void Flush(int timeout_ms);

 private:
  struct Packet {
    std::string text;
    UniqueFd descriptor;
  };

  ControlChannel(UniqueFd socket, Handler handler)
      : socket_(std::move(socket)), handler_(std::move(handler)) {}

  void OnReady(uint32_t events);
  bool ReceiveOne();
  void SendQueued();
  void End();

  UniqueFd socket_;
  Handler handler_;
  std::deque<Packet> queue_;
  bool ended_ = false;
  Watch watch_;  // after socket_: it must go first
};

}  // namespace vmtest
