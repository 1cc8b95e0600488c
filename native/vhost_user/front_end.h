// FrontEnd: the socket to the front-end, whole messages in, replies out. Never blocks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "event/event_loop.h"
#include "vhost_user/message.h"

namespace vmtest::vhost_user {

class FrontEnd {
 public:
  struct Handler {
    // The Error of a message that cannot be executed ends the connection.
    std::function<Result<>(const Header& header, Message message)> on_message;
    // Once, the last call: the front-end closed its end (no Error), broke the protocol or could not
    // be answered.
    std::function<void(std::optional<Error>)> on_end;
  };

  // Loop thread only. kInvalidArgument when `socket` is not an AF_UNIX SOCK_STREAM socket.
  static Result<std::unique_ptr<FrontEnd>> Create(EventLoop& loop, UniqueFd socket,
                                                  Handler handler);

  // A reply that the socket does not take at once is an Error: replies are a few bytes, and a
  // front-end waits for each.
  Result<> Send(std::span<const uint8_t> bytes);

 private:
  FrontEnd(UniqueFd socket, Handler handler)
      : socket_(std::move(socket)), handler_(std::move(handler)) {}

  void OnReady();
  Result<bool> Receive();
  Result<> TakeMessage();
  void End(std::optional<Error> error);

  UniqueFd socket_;
  Handler handler_;
  // The message that is being received: its bytes up to now, and those that it needs.
  std::vector<uint8_t> bytes_;
  size_t needed_ = kHeaderSize;
  std::optional<Header> header_;  // once the first kHeaderSize bytes are there
  std::vector<UniqueFd> descriptors_;
  Watch watch_;  // after socket_: it must go first
};

}  // namespace vmtest::vhost_user
