#include "vhost_user/backend.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>

#include "base/check.h"

namespace vmtest::vhost_user {
namespace {

// Not MQ, which would let a front-end ask for more rings than there are; not STATUS, whose 0 QEMU
// sends when the guest is merely stopped.
constexpr uint64_t kProtocolFeatures = kProtocolReplyAck | kProtocolConfig | kProtocolResetDevice;

tl::unexpected<Error> Broken(std::string message) {
  return vmtest::Fail(ErrorCode::kProtocol, "the vhost-user front-end " + std::move(message));
}

// Messages with a reply of their own: no acknowledgement on top.
bool HasReply(RequestType type) {
  return type == RequestType::kGetFeatures || type == RequestType::kGetProtocolFeatures ||
         type == RequestType::kGetVringBase || type == RequestType::kGetConfig;
}

}  // namespace

Result<std::unique_ptr<Backend>> Backend::Create(EventLoop& loop, VirtioDevice& device,
                                                 size_t rings, BackendEvents& events) {
  VMTEST_CHECK(rings <= device.queue_sizes().size() && rings <= 32);
  EventFd again = VM_TRY(EventFd::Create());
  std::unique_ptr<Backend> self(new Backend(loop, device, rings, events, std::move(again)));
  self->again_watch_ = VM_TRY(
      loop.Add(self->again_.fd(), EPOLLIN, [raw = self.get()](uint32_t) { raw->OnAgain(); }));
  return self;
}

Backend::Backend(EventLoop& loop, VirtioDevice& device, size_t rings, BackendEvents& events,
                 EventFd again)
    : loop_(loop),
      device_(device),
      events_(events),
      queues_(device.queue_sizes().size()),
      rings_(rings),
      again_(std::move(again)) {}

Backend::~Backend() { ResetDeviceNow(); }

Result<> Backend::Attach(UniqueFd socket) {
  if (front_end_) {
    return vmtest::Fail(ErrorCode::kWrongState, "this process has its vhost-user socket already");
  }
  front_end_ = VM_TRY(FrontEnd::Create(
      loop_, std::move(socket),
      {.on_message = [this](const Header& header,
                            Message message) { return OnMessage(header, std::move(message)); },
       .on_end = [this](std::optional<Error> error) { OnFrontEndGone(std::move(error)); }}));
  return {};
}

std::vector<Backend::QueueCounters> Backend::counters() const {
  std::vector<QueueCounters> counters;
  for (size_t i = 0; i < rings_.size(); ++i) {
    counters.push_back({.popped = queues_[i].popped(),
                        .pushed = queues_[i].pushed(),
                        .notified = rings_[i].notified.Get(),
                        .signalled = rings_[i].signalled.Get()});
  }
  return counters;
}

Result<> Backend::OnMessage(const Header& header, Message message) {
  const auto executed = std::visit([this](auto& of) { return Execute(of); }, message);
  if (header.wants_ack && !HasReply(header.type) && (protocol_features_ & kProtocolReplyAck) != 0) {
    VM_TRY(front_end_->Send(FormatNumber(header.type, executed ? 0 : 1)));
  }
  return executed;
}

void Backend::OnFrontEndGone(std::optional<Error> error) {
  Suspend();
  ResetDeviceNow();
  for (Ring& ring : rings_) {
    ring.Close();
  }
  memory_ = MemoryTable();
  events_.OnEnd(std::move(error));
}

uint64_t Backend::offered() const {
  return device_.features() | kFeatureVersion1 | kFeatureEventIndex | kFeatureIndirectDescriptors |
         kFeatureProtocol;
}

Result<> Backend::Execute(const GetFeatures&) {
  return front_end_->Send(FormatNumber(RequestType::kGetFeatures, offered()));
}

Result<> Backend::Execute(const SetFeatures& message) {
  if ((message.features & ~offered()) != 0) {
    return Broken("set features that were not offered");
  }
  Suspend();
  features_ = message.features;
  GoOn();
  return {};
}

// The document advises back-ends to disable all rings, and no more.
Result<> Backend::Execute(const ResetOwner&) {
  Suspend();
  for (Ring& ring : rings_) {
    ring.enabled = false;
    ring.Stop();
  }
  return {};
}

Result<> Backend::Execute(const GetProtocolFeatures&) {
  return front_end_->Send(FormatNumber(RequestType::kGetProtocolFeatures, kProtocolFeatures));
}

Result<> Backend::Execute(const SetProtocolFeatures& message) {
  if ((message.features & ~kProtocolFeatures) != 0) {
    return Broken("set protocol features that were not offered");
  }
  protocol_features_ = message.features;
  return {};
}

Result<> Backend::Execute(SetMemTable& message) {
  Suspend();  // from here on nothing points into the old memory
  memory_ = VM_TRY(MemoryTable::Map(std::move(message.pieces)));
  GoOn();
  return {};
}

Result<Ring*> Backend::Find(uint32_t index) {
  if (index >= rings_.size()) {
    return Broken(fmt::format("named ring {} of {}", index, rings_.size()));
  }
  return &rings_[index];
}

Result<> Backend::Execute(const SetVringNum& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  Suspend();
  ring.place.size = message.size;
  GoOn();
  return {};
}

Result<> Backend::Execute(const SetVringAddr& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  Suspend();
  ring.place.descriptors = message.descriptors;
  ring.place.used = message.used;
  ring.place.available = message.available;
  GoOn();
  return {};
}

Result<> Backend::Execute(const SetVringBase& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  Suspend();
  ring.place.base = message.base;
  GoOn();
  return {};
}

Result<> Backend::Execute(const GetVringBase& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  Suspend();
  ring.Stop();
  return front_end_->Send(FormatVringBase(message.ring, ring.place.base));
}

Result<> Backend::Execute(SetVringKick& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  Suspend();
  const auto index = static_cast<uint16_t>(message.ring);
  VM_TRY(ring.Start(loop_, std::move(message.event), [this, index] { OnKick(index); }));
  GoOn();
  return {};
}

Result<> Backend::Execute(SetVringCall& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  VM_TRY(ring.SetCall(std::move(message.event)));
  if (running()) {
    ring.Signal();  // what the old event was told, the front-end may have missed
  }
  return {};
}

Result<> Backend::Execute(SetVringErr& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  return ring.SetError(std::move(message.event));
}

Result<> Backend::Execute(const SetVringEnable& message) {
  Ring& ring = *VM_TRY(Find(message.ring));
  Suspend();
  ring.enabled = message.enable;
  GoOn();
  return {};
}

Result<> Backend::Execute(const GetConfig& message) {
  std::vector<uint8_t> bytes(message.size);
  device_.ReadConfig(message.offset, bytes);
  return front_end_->Send(FormatConfig(message, bytes));
}

Result<> Backend::Execute(const SetConfig& message) {
  device_.WriteConfig(message.offset, message.bytes);
  return {};
}

Result<> Backend::Execute(const ResetDevice&) {
  Suspend();
  ResetDeviceNow();
  for (Ring& ring : rings_) {
    ring.enabled = false;
    ring.Stop();
    ring.place = {};
  }
  return {};
}

// Every ring that is the front-end's to start has been started. Without PROTOCOL_FEATURES a ring is
// enabled from the start.
bool Backend::Startable() const {
  const bool always_enabled = (features_ & kFeatureProtocol) == 0;
  return std::ranges::all_of(
      rings_, [&](const Ring& ring) { return ring.started() && (ring.enabled || always_enabled); });
}

// False when a ring cannot be what it says.
bool Backend::EnableQueues() {
  for (size_t i = 0; i < rings_.size(); ++i) {
    const auto config = rings_[i].Configure(memory_, features_);
    if (!config || !queues_[i].Enable(*memory_.memory(), *config)) {
      Trouble(fmt::format("ring {} has a bad size, or lies misaligned or outside guest memory", i));
      return false;
    }
    queues_[i].GoOnAt(rings_[i].place.base);
  }
  return true;
}

// Runs the device, if everything is there for it. The inverse of Suspend.
void Backend::GoOn() {
  if (running() || !Startable()) {
    return;
  }
  if ((features_ & kFeatureVersion1) == 0) {
    Trouble(
        "the guest's driver speaks no virtio 1.0: give QEMU "
        "-global virtio-mmio.force-legacy=false");
    return;
  }
  std::vector<Ring::Place> places;
  for (const Ring& ring : rings_) {
    places.push_back(ring.place);
  }
  // A driver that has reset the device starts at 0. One that comes back to where it was after
  // a multiple of 2^16 buffers in every ring looks the same as one that was only stopped: it
  // answers packets of connections that it does not know with a RST.
  const bool same =
      state_ == State::kPaused && places == paused_places_ && features_ == active_features_;
  if (same && broken_) {
    return;  // NEEDS_RESET, if there were a way to say so (virtio 1.2, section 2.1.2)
  }
  if (!EnableQueues()) {
    for (Queue& queue : queues_) {
      queue.Disable();
    }
    return;
  }
  if (same) {
    state_ = State::kRunning;
    device_.Resume();
  } else {
    ResetDeviceNow();
    state_ = State::kRunning;
    active_features_ = features_;
    const auto activated = device_.Activate({.memory = memory_.memory(),
                                             .features = features_ & ~kFeatureProtocol,
                                             .queues = queues_,
                                             .interrupt = this});
    if (!activated) {
      Fail(activated.error().message);
    }
  }
  // An interrupt that was on its way when the rings stopped may be lost; one too many does no harm.
  for (Ring& ring : rings_) {
    ring.Signal();
  }
}

// Afterwards nothing touches rings and memory until GoOn.
void Backend::Suspend() {
  if (!running()) {
    return;
  }
  TakeWhatIsThere();
  state_ = State::kPaused;
  device_.Pause();
  paused_places_.clear();
  for (size_t i = 0; i < rings_.size(); ++i) {
    rings_[i].place.base = queues_[i].next_available();
    queues_[i].Disable();
    paused_places_.push_back(rings_[i].place);
  }
}

// The guest may never run again: what it has sent is still to be delivered. It may also run on and
// send for ever: one round of each ring, then.
void Backend::TakeWhatIsThere() {
  for (uint16_t i = 0; i < rings_.size(); ++i) {
    const uint64_t end = queues_[i].popped() + queues_[i].size();
    for (uint64_t before = UINT64_MAX; !broken_ && queues_[i].HasAvailable() &&
                                       queues_[i].popped() != before &&
                                       queues_[i].popped() < end;) {
      before = queues_[i].popped();
      device_.OnQueueNotify(i);
    }
  }
}

void Backend::ResetDeviceNow() {
  if (state_ != State::kInactive) {
    const bool paused = state_ == State::kPaused;
    state_ = State::kInactive;
    device_.Reset();
    if (paused) {
      device_.Resume();
    }
  }
  broken_ = false;
}

void Backend::Trouble(std::string message) {
  if (message != last_trouble_) {  // every message about rings would say it again
    last_trouble_ = message;
    events_.OnTrouble(message);
  }
}

void Backend::OnKick(uint16_t index) {
  if (running() && !broken_) {
    rings_[index].notified.Add();
    device_.OnQueueNotify(index);
  }
}

void Backend::OnAgain() {
  again_.Drain();
  const uint32_t again = again_queues_.exchange(0);
  for (uint16_t i = 0; i < rings_.size(); ++i) {
    if ((again >> i & 1) != 0 && running() && !broken_) {
      device_.OnQueueNotify(i);
    }
  }
}

void Backend::SignalQueue(uint16_t index) {
  VMTEST_CHECK(index < rings_.size());
  rings_[index].Signal();
}

void Backend::NotifyAgain(uint16_t index) {
  VMTEST_CHECK(index < rings_.size());
  again_queues_.fetch_or(uint32_t{1} << index);
  again_.Signal();
}

void Backend::Fail(std::string_view why) {
  broken_ = true;
  for (const Ring& ring : rings_) {
    ring.SignalError();
  }
  Trouble(fmt::format("virtio device of type {} needs a reset: {}",
                      static_cast<uint32_t>(device_.type()), why));
}

}  // namespace vmtest::vhost_user
