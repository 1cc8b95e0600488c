// The two ends of a UART's lines, as seen from outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace vmtest {

class SerialSink {
 public:
  virtual ~SerialSink() = default;

  // What the guest sent, in order. Called on vCPU threads without any lock of the UART; may wait,
  // and the vCPU waits with it.
  virtual void Write(std::span<const uint8_t> bytes) = 0;
  // The UART refused input and has room again. Any thread; must not wait.
  virtual void OnInputRoom() = 0;
};

// The receiver of a UART.
class SerialReceiver {
 public:
  virtual ~SerialReceiver() = default;

  // Puts input into the receiver. Returns how many of the bytes it took: the rest is the caller's
  // to offer again when SerialSink::OnInputRoom says so. Any thread.
  [[nodiscard]] virtual size_t Receive(std::span<const uint8_t> bytes) = 0;
};

}  // namespace vmtest
