// SerialSink: the far end of a UART's lines.
#pragma once

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

}  // namespace vmtest
