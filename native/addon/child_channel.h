// ChildChannel: one child process and its packet channel, on the I/O loop of an environment.
//
// What comes from the child is told to `emit`, on the loop's thread, in this order: packets, the
// channel's end, the exit. A consumer that falls behind (Delivered is called for each packet) stops
// the reading, and so, once the socket is full, the child: nothing piles up here.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "addon/packet.h"
#include "addon/spawn.h"
#include "event/event_loop.h"

namespace vmtest::addon {

struct ChannelEnd {
  std::optional<std::string> error;  // how the child broke the packet rules
};
using ChildEvent = std::variant<Packet, ChannelEnd, ProcessExit>;

class ChildChannel : public std::enable_shared_from_this<ChildChannel> {
 public:
  using Emit = std::function<void(ChildEvent)>;

  // Not watching yet. `scratch` has kMaxPacketSize bytes, belongs to the loop and outlives it.
  ChildChannel(EventLoop& loop, std::span<char> scratch, Spawned spawned, Emit emit);

  // Loop thread. An error means that nothing will be emitted; Close and Kill still work.
  Result<> Start();
  // Ends everything without emitting: closes the channel and forgets the process, which is returned
  // when it was not reaped yet. Loop thread; the last thing done there.
  UniqueFd Shutdown();

  // Any thread from here.
  enum class Sent { kYes, kClosed };
  // Sends or queues a packet. kClosed after Close; a peer that has gone is not an error here, its
  // end is emitted.
  SystemResult<Sent> Send(std::string_view text, std::span<const int> fds);
  // Closes our end. Of the channel nothing more is emitted, only the exit.
  void Close();
  // True after Close.
  bool closed();
  // False when the child has ended.
  SystemResult<bool> Kill(int signal);
  // The consumer is done with one packet.
  void Delivered();

 private:
  struct Queued {
    std::string text;
    std::vector<UniqueFd> fds;
  };
  // Packets that may be on their way to the consumer; and how few have to be left to read on.
  static constexpr size_t kMaxUndelivered = 64;
  static constexpr size_t kResumeAt = 16;

  // Loop thread.
  void OnChannelReady(uint32_t events);
  void OnProcessEnded();
  void ReadPackets(size_t limit);
  void FlushQueue();
  void EndChannel(std::optional<std::string> error);
  void FinishExit();
  void WatchChannel(uint32_t events);
  void PostLocked(void (ChildChannel::*task)());
  void ReadOn();
  void OnClosed();
  bool Stalled();

  const std::span<char> scratch_;
  const Emit emit_;

  // Loop thread.
  Watch channel_watch_;
  Watch process_watch_;
  std::optional<ProcessExit> exit_;  // reaped, and not yet emitted
  bool channel_ended_ = false;       // the end was emitted, or is not wanted

  std::mutex mutex_;  // guards what follows; the loop's thread alone closes the descriptors
  EventLoop* loop_;   // null after Shutdown
  UniqueFd channel_;
  UniqueFd process_;
  std::deque<Queued> queue_;
  bool closed_ = false;  // by Close
  size_t undelivered_ = 0;
  bool stalled_ = false;
};

}  // namespace vmtest::addon
