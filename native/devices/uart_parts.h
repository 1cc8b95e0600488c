// What UARTs have in common: the receiver's FIFO, and what an access leaves to do for the outside.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/state.h"
#include "devices/serial_sink.h"
#include "event/event_fd.h"

namespace vmtest {

// A ring of received bytes. How many of its places are in use is the device's to say: without
// FIFOs it is one.
class ReceiveFifo {
 public:
  static constexpr size_t kSize = 16;

  size_t size() const { return count_; }
  void Clear() { count_ = 0; }
  // There must be room.
  void Push(uint8_t byte) { bytes_[(first_ + count_++) % kSize] = byte; }
  // Zero when it is empty.
  uint8_t Pop() {
    if (count_ == 0) {
      return 0;
    }
    const uint8_t byte = bytes_[first_];
    first_ = (first_ + 1) % kSize;
    --count_;
    return byte;
  }
  // Of the byte that would be popped next.
  void Overwrite(uint8_t byte) { bytes_[first_] = byte; }

  void Save(StateWriter& writer) const {
    writer.U8(static_cast<uint8_t>(count_));
    for (size_t i = 0; i < kSize; ++i) {
      writer.U8(bytes_[(first_ + i) % kSize]);
    }
  }
  // A count that cannot be fails `reader`, and leaves it empty.
  void Load(StateReader& reader) {
    const size_t count = reader.U8();
    for (uint8_t& byte : bytes_) {
      byte = reader.U8();
    }
    first_ = 0;
    count_ = count <= kSize ? count : 0;
    if (count > kSize) {
      reader.MarkBad();
    }
  }
  // After Load, when it is known how many places are in use.
  void RequireAtMost(size_t capacity, StateReader& reader) {
    if (count_ > capacity) {
      reader.MarkBad();
      count_ = 0;
    }
  }

 private:
  std::array<uint8_t, kSize> bytes_{};
  size_t first_ = 0;
  size_t count_ = 0;
};

// Collected under the UART's mutex, done once it is free.
struct UartEffects {
  bool interrupt = false;
  bool input_room = false;
  bool transmit = false;

  void Execute(const EventFd& line, SerialSink& sink, uint8_t transmitted) const {
    if (transmit) {
      sink.Write(std::span(&transmitted, 1));
    }
    if (interrupt) {
      line.Signal();
    }
    if (input_room) {
      sink.OnInputRoom();
    }
  }
};

}  // namespace vmtest
