#include "vhost_user/ring.h"

#include <sys/epoll.h>

#include "virtio/device.h"

namespace vmtest::vhost_user {
namespace {

Result<std::optional<EventFd>> AdoptIfAny(std::string_view what, UniqueFd event) {
  if (!event) {
    return std::nullopt;
  }
  auto adopted = EventFd::Adopt(std::move(event));
  if (!adopted) {
    Error error = adopted.error();
    error.message = std::string(what) + " of the vhost-user front-end: " + error.message;
    return tl::unexpected(std::move(error));
  }
  return std::optional<EventFd>(std::move(*adopted));
}

}  // namespace

Result<> Ring::Start(EventLoop& loop, UniqueFd event, std::function<void()> on_kick) {
  Stop();
  auto kick = VM_TRY(AdoptIfAny("a kick", std::move(event)));
  // Edge-triggered and never read: each write to an eventfd is an edge, and the count is nobody's
  // business. A descriptor that others hold could make a read wait.
  kick_watch_ = VM_TRY(loop.Add(kick->fd(), EPOLLIN | EPOLLET,
                                [on_kick = std::move(on_kick)](uint32_t) { on_kick(); }));
  kick_ = std::move(kick);
  return {};
}

void Ring::Stop() {
  kick_watch_.Reset();
  kick_.reset();
}

void Ring::Close() {
  Stop();
  call_.reset();
  error_.reset();
}

Result<> Ring::SetCall(UniqueFd event) {
  call_ = VM_TRY(AdoptIfAny("a call", std::move(event)));
  return {};
}

Result<> Ring::SetError(UniqueFd event) {
  error_ = VM_TRY(AdoptIfAny("an error event", std::move(event)));
  return {};
}

void Ring::Signal() {
  if (call_) {
    signalled.Add();
    call_->Signal();
  }
}

void Ring::SignalError() const {
  if (error_) {
    error_->Signal();
  }
}

std::optional<QueueConfig> Ring::Configure(const MemoryTable& memory, uint64_t features) const {
  const auto descriptors = memory.FromUser(place.descriptors);
  const auto available = memory.FromUser(place.available);
  const auto used = memory.FromUser(place.used);
  if (!descriptors || !available || !used || place.size > UINT16_MAX) {
    return std::nullopt;
  }
  return QueueConfig{.size = static_cast<uint16_t>(place.size),
                     .descriptors = *descriptors,
                     .available = *available,
                     .used = *used,
                     .event_index = (features & kFeatureEventIndex) != 0,
                     .indirect = (features & kFeatureIndirectDescriptors) != 0};
}

}  // namespace vmtest::vhost_user
