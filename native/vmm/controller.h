// Controller: requests in, machine calls, answers and events out. One per process.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "control/channel.h"
#include "control/requests.h"
#include "machine/machine.h"

namespace vmtest {

class Controller : private MachineEvents {
 public:
  // Says hello at once. The loop is stopped when the host closes the channel.
  static Result<std::unique_ptr<Controller>> Create(EventLoop& loop, UniqueFd socket);
  ~Controller() override;
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

 private:
  explicit Controller(EventLoop& loop) : loop_(loop) {}

  void OnPacket(std::string_view text, std::vector<UniqueFd> descriptors);
  void Answer(uint64_t id, const Result<>& result);

  // One for each request (docs/control-protocol.md).
  void Execute(uint64_t id, ConfigureRequest request);
  void Execute(uint64_t id, AttachRequest);
  void Execute(uint64_t id, StartRequest);
  void Execute(uint64_t id, PauseRequest);
  void Execute(uint64_t id, ResumeRequest);
  void Execute(uint64_t id, StopRequest);
  void Execute(uint64_t id, StatsRequest);
  void Execute(uint64_t id, VsockConnectRequest request);
  void Execute(uint64_t id, VsockListenRequest request);
  void Execute(uint64_t id, VsockUnlistenRequest request);

  void OnVsockAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) override;
  void OnPanicked() override;
  void OnLog(LogLevel level, std::string_view message) override;
  void OnEnded(const GuestEnd& end) override;

  // The machine, or the answer that there is none yet.
  Result<Machine*> Configured();

  EventLoop& loop_;
  std::unique_ptr<ControlChannel> channel_;
  std::unique_ptr<Machine> machine_;  // after channel_: its end may still report
};

}  // namespace vmtest
