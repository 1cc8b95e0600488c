// ConsolePump: moves bytes between a UART and a host descriptor (socket, pipe, terminal or file)
// without losing one, and without a wake-up per byte.
//
//   vCPU ── Write ──> buffer ── loop: at '\n', at 4 KiB, or 5 ms after the first byte ──> host
//   vCPU <── UART FIFO <── loop: as much as the FIFO takes; then it stops reading <── host
//
// When the host does not read and the buffer is full, Write waits, and the vCPU with it: the guest
// slows down, nothing is dropped. The wait ends when there is room, and also
//   - when the host's end is closed or fails, or at Stop: from then on output is dropped;
//   - at Pause, so that the vCPU can reach its pause: the buffer then grows past its limit by what
//     one access of each vCPU carries.
//
// Bytes in here are the host's, not the guest's: they are no part of a snapshot (use Drain first).
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "devices/serial_sink.h"
#include "event/event_loop.h"
#include "event/timer.h"

namespace vmtest {

class ConsolePump final : public SerialSink {
 public:
  static constexpr size_t kCapacity = size_t{64} * 1024;
  static constexpr size_t kFlushSize = size_t{4} * 1024;
  static constexpr std::chrono::milliseconds kFlushDelay{5};

  struct Statistics {
    uint64_t written = 0;  // bytes that the host took
    uint64_t dropped = 0;  // bytes that the host will never get: it closed, or Stop came
    uint64_t waits = 0;    // times that a vCPU had to wait for the host
  };

  // Set-up, or loop thread. An invalid `host` is a console that nobody listens to. Sets O_NONBLOCK
  // on what is not a socket. The process must ignore SIGPIPE. Must be destroyed on the loop's
  // thread or after the loop has ended, and no vCPU may run any more.
  static Result<std::unique_ptr<ConsolePump>> Create(EventLoop& loop, UniqueFd host);
  ~ConsolePump() override;

  // Begins to read from the host into `uart`, which must outlive the pump or Stop. Loop thread, or
  // set-up. Without it the pump only writes.
  void StartInput(SerialReceiver& uart);

  // SerialSink; vCPU threads, never the loop's.
  void Write(std::span<const uint8_t> bytes) override;
  void OnInputRoom() override;

  // Pause: no Write waits until Resume, no input reaches the UART. Output still flows to the host.
  // Loop thread; call it after the vCPUs were told to pause and before waiting for them.
  void Pause();
  void Resume();

  // Nobody waits any more, and what is written from now on is dropped; what is buffered still goes
  // out. No input either. Loop thread, or after the loop has ended.
  void Stop();

  // Calls `done` on the loop's thread, once and never from within Drain, when nothing is left to
  // write or `limit` has passed: with true when all that was ever written has reached the host. At
  // most one at a time. Loop thread.
  void Drain(std::chrono::nanoseconds limit, std::function<void(bool complete)> done);

  Statistics statistics() const;

 private:
  enum class Kind { kNone, kSocket, kStream, kFile };

  ConsolePump(EventLoop& loop, UniqueFd host, Kind kind, bool readable, bool writable);
  Result<> Register();

  // Loop thread.
  void OnReady(uint32_t events);
  void OnFlushTimer();
  void FlushOutput();
  bool WriteSome();  // true while there may be more to do now
  void CloseOutput();
  void PullInput();
  void CloseInput();
  void UpdateWatch();
  void FinishDrain(bool nothing_left);
  void PostHere(void (ConsolePump::*task)());
  size_t Buffered() const { return pending_.size() + in_flight_; }

  EventLoop& loop_;
  UniqueFd host_;
  const Kind kind_;
  // Held weakly by tasks that were posted: they do nothing once the pump has gone.
  std::shared_ptr<ConsolePump*> self_ = std::make_shared<ConsolePump*>(this);

  // Loop thread.
  Watch watch_;
  std::optional<Timer> flush_timer_;
  std::optional<Timer> drain_timer_;
  std::function<void(bool)> drain_done_;
  std::vector<uint8_t> out_;  // being written, from out_at_
  size_t out_at_ = 0;
  bool out_blocked_ = false;  // the host takes no more now
  SerialReceiver* uart_ = nullptr;
  std::array<uint8_t, 256> in_{};  // read and not yet taken by the UART
  size_t in_at_ = 0;
  size_t in_end_ = 0;
  bool in_open_;
  bool in_paused_ = false;

  mutable std::mutex mutex_;  // guards what follows
  const bool listened_to_;    // the host's end was open for writing at the start
  std::condition_variable room_;
  std::vector<uint8_t> pending_;  // appended by vCPUs
  size_t in_flight_ = 0;          // bytes of out_ not yet taken by the host
  bool out_open_;
  bool stopped_ = false;
  bool paused_ = false;
  bool timer_armed_ = false;  // until it has expired, whatever was flushed in between
  bool flush_posted_ = false;
  Statistics statistics_;
};

}  // namespace vmtest
