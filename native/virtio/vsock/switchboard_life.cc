// How connections begin and end. What happens in between is in switchboard.cc.
#include <algorithm>

#include "base/check.h"
#include "virtio/vsock/link.h"
#include "virtio/vsock/switchboard.h"

namespace vmtest::vsock {
namespace {

// Our own ports when we connect: far from what people listen on, below VMADDR_PORT_ANY.
constexpr uint32_t kFirstEphemeralPort = uint32_t{1} << 30;
constexpr uint32_t kLastEphemeralPort = (uint32_t{1} << 31) - 1;

}  // namespace

Switchboard::Switchboard(EventLoop& loop, VsockHost& host, const VsockOptions& options,
                         std::function<void()> on_work)
    : loop_(loop),
      host_(host),
      options_(options),
      on_work_(std::move(on_work)),
      next_port_(kFirstEphemeralPort) {}

Result<> Switchboard::Listen(uint32_t port) {
  if (port == UINT32_MAX) {
    return Fail(ErrorCode::kInvalidArgument, "vsock port 4294967295 stands for \"any port\"");
  }
  if (!listening_.insert(port).second) {
    return Fail(ErrorCode::kBusy, "vsock port " + std::to_string(port) + " is listened on already");
  }
  return {};
}

uint32_t Switchboard::NextPromise() const {
  return promised_ + options_.large_buffer <= options_.buffer_budget ? options_.large_buffer
                                                                     : options_.small_buffer;
}

Switchboard::Link& Switchboard::AddLink(Connection connection) {
  promised_ += connection.promise();
  const uint64_t key = KeyOf(connection.host_port(), connection.guest_port());
  idle_.push_back(std::make_unique<Link>(connection));
  Link& link = *idle_.back();
  link.position = std::prev(idle_.end());
  by_ports_.emplace(key, &link);
  return link;
}

Result<UniqueFd> Switchboard::OpenStream(Link& link) {
  const int socket_buffer = link.connection.promise() == options_.large_buffer
                                ? options_.large_socket_buffer
                                : options_.small_socket_buffer;
  HostStream::Pair pair = VM_TRY(HostStream::Create(
      loop_, socket_buffer, [this, &link](uint32_t events) { OnStreamEvent(link, events); }));
  link.stream = std::move(pair.ours);
  ++statistics_.connections;
  return std::move(pair.theirs);
}

void Switchboard::Accept(const Header& request) {
  // Not listened on, or "the destination has insufficient resources": both are RST (5.10.6.5).
  if (!listening_.contains(request.dst_port) || count() >= options_.max_connections) {
    Refuse(request);
    return;
  }
  Link& link = AddLink(Connection::FromGuest(request, NextPromise()));
  auto theirs = OpenStream(link);
  if (!theirs) {
    Refuse(request);
    Erase(idle_, link);
    return;
  }
  UpdateReady(link);
  host_.OnAccept(request.dst_port, request.src_port, std::move(*theirs));
}

// A port that nobody listens on, and that has no connection with `guest_port` yet.
std::optional<uint32_t> Switchboard::ChooseHostPort(uint32_t guest_port) {
  // One more try than there can be ports in use.
  for (size_t tries = by_ports_.size() + listening_.size() + 1; tries > 0; --tries) {
    const uint32_t port = next_port_;
    next_port_ = port == kLastEphemeralPort ? kFirstEphemeralPort : port + 1;
    if (!listening_.contains(port) && !by_ports_.contains(KeyOf(port, guest_port))) {
      return port;
    }
  }
  return std::nullopt;
}

void Switchboard::Connect(uint32_t port, VsockConnectCallback callback) {
  const auto host_port = ChooseHostPort(port);
  if (!host_port || count() >= options_.max_connections) {
    callback(Fail(ErrorCode::kBusy, "the guest has too many vsock connections already"));
    return;
  }
  Link& link = AddLink(Connection::ToGuest(*host_port, port, NextPromise()));
  link.on_connect = std::move(callback);
  SetDeadline(link, options_.connect_timeout);
  UpdateReady(link);
}

// The guest accepted. False when the host cannot, and the link is gone.
bool Switchboard::Establish(Link& link) {
  ClearDeadline(link);
  auto theirs = OpenStream(link);
  if (!theirs) {
    Reset(link, std::move(theirs).error());
    return false;
  }
  UpdateReady(link);
  // The callback may do as it likes, but not destroy the link: that takes a packet or an event.
  std::exchange(link.on_connect, nullptr)(std::move(*theirs));
  return true;
}

void Switchboard::Reset(Link& link, Error error) {
  ++statistics_.resets;
  replies_.push_back(link.connection.Reset());
  Drop(link, std::move(error));
}

// Takes the link from the guest. What the guest sent was accepted, so it is delivered first, and
// the host gets an end after it; how long the host takes for that is its own affair, and counts
// against max_connections. `error` is for a connect that was not answered yet.
void Switchboard::Drop(Link& link, Error error) {
  ClearDeadline(link);
  const auto on_connect = std::exchange(link.on_connect, nullptr);
  if (link.stream) {
    link.stream->Flush();  // an edge that says there is room may have been deferred by a pause
  }
  if (link.stream && link.stream->pending() > 0) {
    by_ports_.erase(KeyOf(link.connection.host_port(), link.connection.guest_port()));
    link.stream->FinishReading();
    draining_.splice(draining_.end(), link.ready ? ready_ : idle_, link.position);
    link.ready = false;
    link.draining = true;
  } else {
    Erase(link.ready ? ready_ : idle_, link);
  }
  if (on_connect) {
    on_connect(tl::unexpected(std::move(error)));
  }
}

void Switchboard::Erase(Links& links, Link& link) {
  if (!link.draining) {
    by_ports_.erase(KeyOf(link.connection.host_port(), link.connection.guest_port()));
  }
  promised_ -= link.connection.promise();
  links.erase(link.position);
}

void Switchboard::DropAll() {
  replies_.clear();
  // A callback may ask for new connections; those are not for this loop to drop.
  std::vector<Link*> links;
  for (const auto& [key, link] : by_ports_) {
    links.push_back(link);
  }
  for (Link* link : links) {
    Drop(*link, {.code = ErrorCode::kWrongState,
                 .message = "the guest's vsock device was reset during a connect"});
  }
}

void Switchboard::SetDeadline(Link& link, std::chrono::nanoseconds delay) {
  ClearDeadline(link);
  // While paused, time stands still.
  const auto now = paused_ ? paused_since_ : Clock::now();
  link.deadline = now + std::chrono::duration_cast<Clock::duration>(delay);
  const auto [at, inserted] = deadlines_.emplace(*link.deadline, &link);
  if (at == deadlines_.begin()) {
    ArmTimer();
  }
}

void Switchboard::ClearDeadline(Link& link) {
  if (link.deadline) {
    // The timer stays armed: waking once for nothing is cheaper than a system call each time.
    deadlines_.erase({*link.deadline, &link});
    link.deadline.reset();
  }
}

void Switchboard::ArmTimer() {
  if (!paused_ && !deadlines_.empty()) {
    timer_->Arm(deadlines_.begin()->first - Clock::now());
  }
}

void Switchboard::OnTimer() {
  if (paused_) {
    return;
  }
  const auto now = Clock::now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Link& link = *deadlines_.begin()->second;
    // Which of the two it is does not matter to the guest: its side of it, if any, must go.
    Reset(link, {.code = ErrorCode::kNotFound,
                 .message = "the guest did not answer a vsock connect to port " +
                            std::to_string(link.connection.guest_port()) + " in time"});
  }
  ArmTimer();
  on_work_();
}

void Switchboard::Pause() {
  if (!paused_) {
    paused_ = true;
    paused_since_ = Clock::now();
    timer_->Disarm();
  }
}

void Switchboard::Resume() {
  if (!paused_) {
    return;
  }
  paused_ = false;
  const auto pause = Clock::now() - paused_since_;
  decltype(deadlines_) shifted;
  for (const auto& [when, link] : deadlines_) {
    link->deadline = when + pause;
    shifted.emplace(*link->deadline, link);
  }
  deadlines_.swap(shifted);
  ArmTimer();
  for (Links* links : {&idle_, &ready_}) {
    for (auto at = links->begin(); at != links->end();) {
      Link& link = **at;
      ++at;  // handling may move the link, and only this one, to the other list
      if (link.deferred_events != 0) {
        HandleEvents(link, std::exchange(link.deferred_events, 0));
      }
    }
  }
}

}  // namespace vmtest::vsock
