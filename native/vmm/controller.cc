#include "vmm/controller.h"

#include "control/replies.h"
#include "vmm/version.h"

namespace vmtest {

Result<std::unique_ptr<Controller>> Controller::Create(EventLoop& loop, UniqueFd socket) {
  std::unique_ptr<Controller> self(new Controller(loop));
  self->channel_ = VM_TRY(ControlChannel::Create(
      loop, std::move(socket),
      {.on_packet =
           [raw = self.get()](std::string_view text, std::vector<UniqueFd> descriptors) {
             raw->OnPacket(text, std::move(descriptors));
           },
       .on_end = [&loop] { loop.Stop(); }}));
  self->channel_->Send(FormatHello(kVersion, kArch));
  return self;
}

Controller::~Controller() = default;

void Controller::OnPacket(std::string_view text, std::vector<UniqueFd> descriptors) {
  auto request = ParseRequest(text, std::move(descriptors));
  if (!request) {
    channel_->Send(FormatError(request.error().id, request.error().error));
    return;
  }
  std::visit([&](auto& command) { Execute(request->id, std::move(command)); }, request->command);
}

void Controller::Answer(uint64_t id, const Result<>& result) {
  channel_->Send(result ? FormatOk(id) : FormatError(id, result.error()));
}

Result<Machine*> Controller::Configured() {
  if (!machine_) {
    return Fail(ErrorCode::kWrongState, "there is no guest yet: configure comes first");
  }
  return machine_.get();
}

void Controller::Execute(uint64_t id, ConfigureRequest request) {
  if (machine_) {
    Answer(id, Fail(ErrorCode::kWrongState, "this process has its guest already"));
    return;
  }
  auto machine = Machine::Create(loop_, std::move(request.config), *this);
  if (!machine) {
    Answer(id, tl::unexpected(machine.error()));
    return;
  }
  machine_ = std::move(*machine);
  Answer(id, {});
}

void Controller::Execute(uint64_t id, AttachRequest) {
  Answer(id, Fail(ErrorCode::kUnsupported,
                  "attach is for a process that was started with --vhost-user-vsock"));
}

void Controller::Execute(uint64_t id, StartRequest) {
  Answer(id, Configured().and_then([](Machine* machine) { return machine->Start(); }));
}

void Controller::Execute(uint64_t id, PauseRequest) {
  const auto machine = Configured();
  if (!machine) {
    Answer(id, tl::unexpected(machine.error()));
    return;
  }
  (*machine)->Pause([this, id](const Result<>& result) { Answer(id, result); });
}

void Controller::Execute(uint64_t id, ResumeRequest) {
  Answer(id, Configured().and_then([](Machine* machine) { return machine->Resume(); }));
}

void Controller::Execute(uint64_t id, StopRequest) {
  Answer(id, Configured().and_then([](Machine* machine) { return machine->Stop(); }));
}

void Controller::Execute(uint64_t id, StatsRequest) {
  const auto machine = Configured();
  channel_->Send(machine ? FormatOkStatistics(id, (*machine)->statistics())
                         : FormatError(id, machine.error()));
}

void Controller::Execute(uint64_t id, VsockConnectRequest request) {
  const auto machine = Configured();
  if (!machine) {
    Answer(id, tl::unexpected(machine.error()));
    return;
  }
  (*machine)->Connect(request.port, [this, id](Result<UniqueFd> stream) {
    if (stream) {
      channel_->Send(FormatOkStream(id), std::move(*stream));
    } else {
      channel_->Send(FormatError(id, stream.error()));
    }
  });
}

void Controller::Execute(uint64_t id, VsockListenRequest request) {
  Answer(id,
         Configured().and_then([&](Machine* machine) { return machine->Listen(request.port); }));
}

void Controller::Execute(uint64_t id, VsockUnlistenRequest request) {
  Answer(id,
         Configured().and_then([&](Machine* machine) { return machine->Unlisten(request.port); }));
}

void Controller::OnVsockAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) {
  channel_->Send(FormatVsockAccept(port, peer_port), std::move(stream));
}

void Controller::OnPanicked() { channel_->Send(FormatPanicked()); }

void Controller::OnLog(LogLevel level, std::string_view message) {
  channel_->Send(FormatLog(level, message));
}

void Controller::OnEnded(const GuestEnd& end) { channel_->Send(FormatEnded(end)); }

}  // namespace vmtest
