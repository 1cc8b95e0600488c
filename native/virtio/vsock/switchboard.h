// Switchboard: every connection of one vsock device, and what happens on both sides of them.
//
//   guest ── OnPacket ──> connections ──> host streams
//   guest <── NextPacket ── ready list <── events of host streams, credit, deadlines
//
// It knows packets and sockets, not virtqueues; device.h is the other half.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "event/event_loop.h"
#include "event/timer.h"
#include "virtio/vsock/connection.h"
#include "virtio/vsock/host_stream.h"
#include "virtio/vsock/options.h"

namespace vmtest::vsock {

class Switchboard {
 public:
  // `on_work` is called when NextPacket may have something because of the host or a deadline.
  static Result<std::unique_ptr<Switchboard>> Create(EventLoop& loop, VsockHost& host,
                                                     const VsockOptions& options,
                                                     std::function<void()> on_work);
  ~Switchboard();

  Result<> Listen(uint32_t port);
  void Unlisten(uint32_t port) { listening_.erase(port); }
  void Connect(uint32_t port, VsockConnectCallback callback);

  // False while too many refusals wait to be sent: stop looking at the tx queue until NextPacket
  // has made room. That is what 5.10.6.1 calls "additional resources" being exhausted.
  bool TakesPackets() const { return replies_.size() < kMaxReplies; }
  // A packet from the guest. `payload` is header.len bytes long, in guest memory. Only when
  // TakesPackets().
  void OnPacket(const Header& header, std::span<const iovec> payload);
  // A packet whose payload is shorter than it says.
  void OnTruncatedPacket(const Header& header);
  // Bytes that are not even a header.
  void OnNoPacket() { ++statistics_.malformed; }

  // True when NextPacket should be asked; it may have nothing all the same.
  bool HasPackets() const { return !replies_.empty() || !ready_.empty(); }
  // The next packet for the guest: refusals first, then the connections in turn. Its payload, at
  // most `space`, is written there.
  std::optional<Header> NextPacket(std::span<const iovec> space);

  // Forgets every connection without a word to the guest. The host gets what was received for it,
  // then an end. Listening goes on.
  void DropAll();

  // Between these two, events of the host and deadlines stand still; none is lost. After Resume,
  // ask NextPacket.
  void Pause();
  void Resume();

  VsockStatistics statistics() const;

 private:
  struct Link;
  using Links = std::list<std::unique_ptr<Link>>;
  using Clock = std::chrono::steady_clock;

  static constexpr size_t kMaxReplies = 256;

  Switchboard(EventLoop& loop, VsockHost& host, const VsockOptions& options,
              std::function<void()> on_work);

  static uint64_t KeyOf(uint32_t host_port, uint32_t guest_port) {
    return uint64_t{host_port} << 32 | guest_port;
  }
  size_t count() const { return idle_.size() + ready_.size() + draining_.size(); }

  // Opening.
  void Accept(const Header& request);
  bool Establish(Link& link);
  Link& AddLink(Connection connection);
  Result<UniqueFd> OpenStream(Link& link);
  uint32_t NextPromise() const;
  std::optional<uint32_t> ChooseHostPort(uint32_t guest_port);

  // Guest to host.
  void Refuse(const Header& packet);
  void OnData(Link& link, uint32_t size, std::span<const iovec> payload);
  void OnGuestShutdown(Link& link);
  void FinishWritingWhenDone(Link& link);

  // Host to guest.
  std::optional<Header> NextPacketOf(Link& link, std::span<const iovec> space);
  void OnStreamEvent(Link& link, uint32_t events);
  void HandleEvents(Link& link, uint32_t events);

  // Ending.
  void Reset(Link& link, Error error);
  void Drop(Link& link, Error error);
  void Erase(Links& links, Link& link);
  void SetDeadline(Link& link, std::chrono::nanoseconds delay);
  void ClearDeadline(Link& link);
  void ArmTimer();
  void OnTimer();

  void UpdateReady(Link& link);

  EventLoop& loop_;
  VsockHost& host_;
  const VsockOptions options_;
  const std::function<void()> on_work_;
  std::optional<Timer> timer_;

  std::unordered_set<uint32_t> listening_;
  // Each link is in one of three lists. The first two are in by_ports_ too.
  Links idle_;      // nothing to send
  Links ready_;     // may have a packet to send; served in turn
  Links draining_;  // forgotten by the guest; the last bytes are on their way to the host
  std::unordered_map<uint64_t, Link*> by_ports_;
  std::set<std::pair<Clock::time_point, Link*>> deadlines_;
  std::deque<Header> replies_;  // RST only
  uint64_t promised_ = 0;       // sum of the promises of all links
  uint32_t next_port_;
  bool paused_ = false;
  Clock::time_point paused_since_;
  std::vector<iovec> scratch_;
  VsockStatistics statistics_;
};

}  // namespace vmtest::vsock
