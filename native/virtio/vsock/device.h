// VsockDevice: virtio-vsock (virtio 1.2, section 5.10) wholly in user space, stream sockets.
//
// Nothing of it exists on the host outside this process: no CID, no /dev/vhost-vsock, no socket
// file. Each connection is one end of a socketpair in the hands of the host's process.
//
// Half-closes travel both ways as shutdown(SHUT_WR) and end-of-file. What the host does not read is
// buffered up to what was promised to the guest, then the guest waits; what the guest does not
// read stays in the socket, and the host's process waits. A guest that breaks the rules loses the
// connection (RST), or, when it is the queue's rules, the device (NEEDS_RESET).
#pragma once

#include <array>
#include <memory>

#include "event/event_fd.h"
#include "virtio/device.h"
#include "virtio/vsock/options.h"
#include "virtio/vsock/switchboard.h"

namespace vmtest {

class VsockDevice final : public VirtioDevice {
 public:
  // `loop` and `host` must outlive the device. A connect that is open when the device dies is not
  // answered.
  static Result<std::unique_ptr<VsockDevice>> Create(EventLoop& loop, VsockHost& host,
                                                     const VsockOptions& options = {});

  // Loop thread, all of these.
  // Connections of the guest to `port` go to VsockHost::OnAccept. kBusy when it is listened on
  // already. Survives resets.
  Result<> Listen(uint32_t port) { return board_->Listen(port); }
  // New connections are refused; those that exist stay.
  void Unlisten(uint32_t port) { board_->Unlisten(port); }
  // Connects to a port that the guest listens on. `callback` is called exactly once, for an error
  // maybe before this returns. kWrongState at once when no driver is ready.
  void Connect(uint32_t port, VsockConnectCallback callback);
  // Drops every connection and tells the guest so (5.10.6.7): after it was cloned or restored.
  void ResetTransport();
  VsockStatistics statistics() const { return board_->statistics(); }

  VirtioType type() const override { return VirtioType::kSocket; }
  uint64_t features() const override;
  std::span<const uint16_t> queue_sizes() const override;
  void ReadConfig(uint64_t offset, std::span<uint8_t> data) override;
  void WriteConfig(uint64_t, std::span<const uint8_t>) override {}
  Result<> Activate(const VirtioActivation& activation) override;
  void OnQueueNotify(uint16_t index) override;
  // Bytes that were received before are still delivered to the host.
  void Reset() override;
  void Pause() override;
  void Resume() override;
  // Connections do not survive in a snapshot: their other ends are processes. The guest learns of
  // it by a TRANSPORT_RESET event after Load, which is all that there is to save.
  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 private:
  enum QueueIndex : uint16_t { kRx, kTx, kEvent };

  explicit VsockDevice(EventFd kick) : kick_(std::move(kick)) {}

  bool running() const { return !queues_.empty() && !paused_; }
  void Serve();
  void ServeTx(int64_t& budget);
  void ServeRx(int64_t& budget);
  void ServeEvents();
  void TakePacket(const Chain& chain);
  std::optional<Chain> Pop(QueueIndex index);
  void Break(std::string_view why);

  EventFd kick_;  // more work than one turn may take, or work from outside of one
  Watch kick_watch_;
  std::unique_ptr<vsock::Switchboard> board_;

  std::span<Queue> queues_;  // empty unless active
  VirtioInterrupt* interrupt_ = nullptr;
  bool paused_ = false;
  bool serving_ = false;
  bool transport_reset_pending_ = false;
  std::vector<iovec> iovecs_;
};

}  // namespace vmtest
