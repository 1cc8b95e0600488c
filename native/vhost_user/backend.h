// Backend: the back-end of vhost-user around one virtio device (QEMU, docs/interop/vhost-user.rst).
//
// QEMU stops a device whenever the guest stops, and when its driver resets it, with the same
// messages; only how it starts again tells one from the other. So a device whose rings stop is
// paused. When they start again where they were, it is resumed and nothing is lost; when anything
// about them is new, it is reset first.
//
//                  every ring started and enabled
//   inactive ──────────────────────────────────────> running ──┐ a message about rings or memory
//      ^                                              ^    <───┘ that changes nothing
//      │ RESET_DEVICE, the end         the same rings │  v rings stop
//      └───────────────────────────────────────────── paused ──> other rings: Reset, then running
//
// What is wrong with a message ends the connection. What is wrong with rings is the guest's doing:
// the device stays as it is, and the log tells.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event/event_loop.h"
#include "vhost_user/front_end.h"
#include "vhost_user/memory_table.h"
#include "vhost_user/ring.h"
#include "virtio/device.h"

namespace vmtest::vhost_user {

// Called on the loop.
class BackendEvents {
 public:
  virtual ~BackendEvents() = default;
  // The guest or its front-end did something that the device cannot go on with, or cannot start
  // with. One line.
  virtual void OnTrouble(std::string_view message) = 0;
  // Once. The front-end closed its end (no Error), broke the protocol, or the host failed. What the
  // guest sent last has gone through the device, which is reset; the memory is not mapped any more.
  virtual void OnEnd(std::optional<Error> error) = 0;
};

class Backend final : private VirtioInterrupt {
 public:
  struct QueueCounters {
    uint64_t popped;     // buffers taken from the driver
    uint64_t pushed;     // buffers given back
    uint64_t notified;   // kicks that reached the device
    uint64_t signalled;  // calls
  };

  // `rings` is how many of the device's queues the front-end hands over, from the first on; it
  // serves the others itself. Everything given must outlive this, and so must the socket's loop.
  static Result<std::unique_ptr<Backend>> Create(EventLoop& loop, VirtioDevice& device,
                                                 size_t rings, BackendEvents& events);
  ~Backend() override;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Loop thread, all of these.
  // `socket` is one end of an AF_UNIX SOCK_STREAM pair, the front-end has the other. kWrongState
  // the second time, kInvalidArgument for another kind of descriptor.
  Result<> Attach(UniqueFd socket);
  // The driver is ready and the guest runs.
  bool running() const { return state_ == State::kRunning; }
  // The guest has a driver; it may stand still just now.
  bool has_driver() const { return state_ != State::kInactive; }
  // One for each ring.
  std::vector<QueueCounters> counters() const;

 private:
  enum class State { kInactive, kPaused, kRunning };

  Backend(EventLoop& loop, VirtioDevice& device, size_t rings, BackendEvents& events,
          EventFd again);

  Result<> OnMessage(const Header& header, Message message);
  void OnFrontEndGone(std::optional<Error> error);

  // One for each message. Those that have a reply of their own send it.
  Result<> Execute(const GetFeatures&);
  Result<> Execute(const SetFeatures& message);
  Result<> Execute(const SetOwner&) { return {}; }
  Result<> Execute(const ResetOwner&);
  Result<> Execute(const GetProtocolFeatures&);
  Result<> Execute(const SetProtocolFeatures& message);
  Result<> Execute(SetMemTable& message);
  Result<> Execute(const SetVringNum& message);
  Result<> Execute(const SetVringAddr& message);
  Result<> Execute(const SetVringBase& message);
  Result<> Execute(const GetVringBase& message);
  Result<> Execute(SetVringKick& message);
  Result<> Execute(SetVringCall& message);
  Result<> Execute(SetVringErr& message);
  Result<> Execute(const SetVringEnable& message);
  Result<> Execute(const GetConfig& message);
  Result<> Execute(const SetConfig& message);
  Result<> Execute(const ResetDevice&);

  Result<Ring*> Find(uint32_t index);
  uint64_t offered() const;
  bool Startable() const;
  bool EnableQueues();
  void Suspend();
  void GoOn();
  void TakeWhatIsThere();
  void ResetDeviceNow();
  void Trouble(std::string message);

  void OnKick(uint16_t index);
  void OnAgain();

  // VirtioInterrupt.
  void SignalQueue(uint16_t index) override;
  void SignalConfig() override {}  // nobody listens: no back-end channel is negotiated
  void NotifyAgain(uint16_t index) override;
  void Fail(std::string_view why) override;

  EventLoop& loop_;
  VirtioDevice& device_;
  BackendEvents& events_;

  uint64_t features_ = 0;           // as the driver accepted them
  uint64_t protocol_features_ = 0;  // as the front-end did
  MemoryTable memory_;
  std::vector<Queue> queues_;  // after memory_, which they point into; one for each of the device's
  std::vector<Ring> rings_;

  State state_ = State::kInactive;
  bool broken_ = false;  // the device has failed since it was activated
  // How things stood when the device was paused, to tell whether they are the same again.
  std::vector<Ring::Place> paused_places_;
  uint64_t active_features_ = 0;
  std::string last_trouble_;

  EventFd again_;  // for NotifyAgain
  std::atomic<uint32_t> again_queues_ = 0;
  Watch again_watch_;

  std::unique_ptr<FrontEnd> front_end_;  // from Attach on, also after its end
};

}  // namespace vmtest::vhost_user
