#include "vmm/vsock_backend.h"

#include <fmt/format.h>

#include "control/replies.h"
#include "vmm/version.h"

namespace vmtest {
namespace {

// QEMU serves the third, for events, by itself.
constexpr size_t kRings = 2;

// An emulated guest on a busy machine is slow; that nobody listens it says by itself.
constexpr std::chrono::seconds kConnectTimeout{30};

}  // namespace

Result<std::unique_ptr<VsockBackend>> VsockBackend::Create(EventLoop& loop, UniqueFd socket) {
  std::unique_ptr<VsockBackend> self(new VsockBackend());
  VsockBackend* const raw = self.get();
  self->device_ = VM_TRY(VsockDevice::Create(loop, *raw, {.connect_timeout = kConnectTimeout}));
  self->backend_ = VM_TRY(vhost_user::Backend::Create(loop, *self->device_, kRings, *raw));
  self->channel_ = VM_TRY(
      ControlChannel::Create(loop, std::move(socket),
                             {.on_packet =
                                  [raw](std::string_view text, std::vector<UniqueFd> descriptors) {
                                    raw->OnPacket(text, std::move(descriptors));
                                  },
                              .on_end = [&loop] { loop.Stop(); }}));
  self->channel_->Send(FormatHello(kVersion, kArch));
  return self;
}

VsockBackend::~VsockBackend() = default;

void VsockBackend::OnPacket(std::string_view text, std::vector<UniqueFd> descriptors) {
  auto request = ParseRequest(text, std::move(descriptors));
  if (!request) {
    channel_->Send(FormatError(request.error().id, request.error().error));
    return;
  }
  std::visit([&](auto& command) { Execute(request->id, std::move(command)); }, request->command);
}

void VsockBackend::Answer(uint64_t id, const Result<>& result) {
  channel_->Send(result ? FormatOk(id) : FormatError(id, result.error()));
}

template <typename Request>
void VsockBackend::Execute(uint64_t id, Request) {
  Answer(id, Fail(ErrorCode::kUnsupported,
                  "this process was started with --vhost-user-vsock: its guest is QEMU's"));
}

void VsockBackend::Execute(uint64_t id, AttachRequest request) {
  Answer(id, About("socket", Attach(std::move(request.socket))));
}

Result<> VsockBackend::Attach(UniqueFd socket) { return backend_->Attach(std::move(socket)); }

void VsockBackend::Execute(uint64_t id, StatsRequest) {
  channel_->Send(FormatOkStatistics(id, Count()));
}

Statistics VsockBackend::Count() const {
  Statistics statistics;
  const auto counters = backend_->counters();
  for (size_t queue = 0; queue < counters.size(); ++queue) {
    statistics.queues[fmt::format("vsock.{}", queue)] = {.popped = counters[queue].popped,
                                                         .pushed = counters[queue].pushed,
                                                         .notified = counters[queue].notified,
                                                         .signalled = counters[queue].signalled};
  }
  const VsockStatistics vsock = device_->statistics();
  statistics.vsock = {.connections = vsock.connections,
                      .rx_bytes = vsock.rx_bytes,
                      .tx_bytes = vsock.tx_bytes,
                      .resets = vsock.resets};
  return statistics;
}

void VsockBackend::Execute(uint64_t id, VsockConnectRequest request) {
  // To a guest that stands still, the request waits: after `cont` QEMU may be slower with its
  // messages than our host with this one.
  if (!backend_->has_driver()) {
    Answer(id, Fail(ErrorCode::kWrongState, "the guest has no vsock driver that is ready"));
    return;
  }
  device_->Connect(request.port, [this, id](Result<UniqueFd> stream) {
    if (stream) {
      channel_->Send(FormatOkStream(id), std::move(*stream));
    } else {
      channel_->Send(FormatError(id, stream.error()));
    }
  });
}

void VsockBackend::Execute(uint64_t id, VsockListenRequest request) {
  Answer(id, Listen(request.port));
}

Result<> VsockBackend::Listen(uint32_t port) {
  if (ended_) {
    return Fail(ErrorCode::kWrongState, "the vhost-user front-end is gone");
  }
  return device_->Listen(port);
}

void VsockBackend::Execute(uint64_t id, VsockUnlistenRequest request) {
  device_->Unlisten(request.port);
  Answer(id, {});
}

void VsockBackend::OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) {
  channel_->Send(FormatVsockAccept(port, peer_port), std::move(stream));
}

void VsockBackend::OnTrouble(std::string_view message) {
  channel_->Send(FormatLog(LogLevel::kWarning, message));
}

void VsockBackend::OnEnd(std::optional<Error> error) {
  ended_ = true;
  channel_->Send(
      FormatEnded(error ? GuestEnd(HostError{.error = *error}) : GuestEnd(FrontEndGone{})));
}

}  // namespace vmtest
