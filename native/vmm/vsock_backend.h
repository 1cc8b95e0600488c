// VsockBackend: the controller of --vhost-user-vsock. Requests in, the vsock device of a guest that
// QEMU runs, answers and events out (docs/control-protocol.md). One per process.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "control/channel.h"
#include "control/requests.h"
#include "control/statistics.h"
#include "vhost_user/backend.h"
#include "virtio/vsock/device.h"

namespace vmtest {

class VsockBackend : private VsockHost, private vhost_user::BackendEvents {
 public:
  // Says hello at once. The loop is stopped when the host closes the channel.
  static Result<std::unique_ptr<VsockBackend>> Create(EventLoop& loop, UniqueFd socket);
  ~VsockBackend() override;
  VsockBackend(const VsockBackend&) = delete;
  VsockBackend& operator=(const VsockBackend&) = delete;

 private:
  VsockBackend() = default;

  void OnPacket(std::string_view text, std::vector<UniqueFd> descriptors);
  void Answer(uint64_t id, const Result<>& result);

  // One for each request of this mode; the template is all the others.
  void Execute(uint64_t id, AttachRequest request);
  void Execute(uint64_t id, StatsRequest);
  void Execute(uint64_t id, VsockConnectRequest request);
  void Execute(uint64_t id, VsockListenRequest request);
  void Execute(uint64_t id, VsockUnlistenRequest request);
  template <typename Request>
  void Execute(uint64_t id, Request);

  void OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) override;
  void OnTrouble(std::string_view message) override;
  void OnEnd(std::optional<Error> error) override;

  Result<> Attach(UniqueFd socket);
  Result<> Listen(uint32_t port);
  Statistics Count() const;

  std::unique_ptr<ControlChannel> channel_;
  std::unique_ptr<VsockDevice> device_;
  std::unique_ptr<vhost_user::Backend> backend_;  // after device_, which it serves
  bool ended_ = false;
};

}  // namespace vmtest
