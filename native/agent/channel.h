// Channel: blocking frames, for a worker process that has one connection to itself.
#pragma once

#include <string>
#include <string_view>

#include "agent/codec.h"

namespace vmtest::agent {

// Everything that went wrong in a worker and is not the host's absence.
struct Failure {
  std::string_view code;  // "io", "protocol", "power"
  int os_error = 0;
  std::string message;
};

class Channel {
 public:
  // `socket` is blocking; `in` may already hold bytes that came with the request.
  Channel(int socket, FrameBuffer* in) : socket_(socket), in_(in) {}

  // The next frame. Ends the process when the host is gone: nobody is left to answer, and the
  // caller's clean-up is registered with `OnAbandon`. A frame that is too long is kError.
  Frame Read();
  void Write(std::string_view bytes);
  // A DATA frame, without copying the bytes.
  void WriteData(std::string_view bytes);
  // Ends the process when the host is gone, without waiting for anything.
  void CheckHost();
  // What to do when the host has gone; at most one at a time, null for nothing.
  void OnAbandon(void (*action)(void*), void* context) {
    abandon_ = action;
    abandon_context_ = context;
  }
  // Ends our direction and waits until the host has ended its own, so that the last frame is not
  // lost to a reset. At most `limit_ms` without a sign of life.
  void Finish(int limit_ms);

 private:
  [[noreturn]] void Abandon();

  int socket_;
  FrameBuffer* in_;
  void (*abandon_)(void*) = nullptr;
  void* abandon_context_ = nullptr;
};

}  // namespace vmtest::agent
