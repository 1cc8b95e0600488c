#include "addon/child_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace vmtest::addon {
namespace {

// One child's turn, before the loop looks after the others.
constexpr size_t kPacketsPerRound = 32;

}  // namespace

ChildChannel::ChildChannel(EventLoop& loop, std::span<char> scratch, Spawned spawned, Emit emit)
    : scratch_(scratch),
      emit_(std::move(emit)),
      loop_(&loop),
      channel_(std::move(spawned.channel)),
      process_(std::move(spawned.process)) {}

Result<> ChildChannel::Start() {
  process_watch_ =
      VM_TRY(loop_->Add(process_.get(), EPOLLIN, [this](uint32_t) { OnProcessEnded(); }));
  if (channel_) {
    channel_watch_ = VM_TRY(
        loop_->Add(channel_.get(), EPOLLIN, [this](uint32_t events) { OnChannelReady(events); }));
    FlushQueue();  // what was sent before the first watch
  }
  return {};
}

UniqueFd ChildChannel::Shutdown() {
  channel_watch_.Reset();
  process_watch_.Reset();
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
  closed_ = true;
  channel_.Reset();
  queue_.clear();
  return std::move(process_);
}

SystemResult<ChildChannel::Sent> ChildChannel::Send(std::string_view text,
                                                    std::span<const int> fds) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return Sent::kClosed;
  }
  if (!channel_) {
    return Sent::kYes;  // the child has gone, which is about to be known
  }
  if (queue_.empty()) {
    const auto sent = SendPacket(channel_.get(), text, fds);
    if (sent && *sent) {
      return Sent::kYes;
    }
    if (!sent && (sent.error().number == EPIPE || sent.error().number == ECONNRESET)) {
      return Sent::kYes;
    }
    if (!sent) {
      return tl::unexpected(sent.error());
    }
  }
  Queued queued{.text = std::string(text), .fds = {}};
  for (const int fd : fds) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
      return FailSystem("fcntl");
    }
    queued.fds.push_back(std::move(copy));
  }
  queue_.push_back(std::move(queued));
  if (queue_.size() == 1) {
    PostLocked(&ChildChannel::FlushQueue);
  }
  return Sent::kYes;
}

void ChildChannel::Close() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(closed_, true)) {
    PostLocked(&ChildChannel::OnClosed);
  }
}

bool ChildChannel::closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

SystemResult<bool> ChildChannel::Kill(int signal) {
  const std::lock_guard lock(mutex_);
  pollfd ended{.fd = process_.get(), .events = POLLIN, .revents = 0};
  if (!process_ || ::poll(&ended, 1, 0) == 1) {
    return false;
  }
  if (::syscall(SYS_pidfd_send_signal, process_.get(), signal, nullptr, 0) == 0) {
    return true;
  }
  if (errno == ESRCH) {
    return false;
  }
  return FailSystem("pidfd_send_signal");
}

void ChildChannel::Delivered() {
  const std::lock_guard lock(mutex_);
  --undelivered_;
  if (stalled_ && undelivered_ <= kResumeAt) {
    stalled_ = false;
    PostLocked(&ChildChannel::ReadOn);
  }
}

void ChildChannel::PostLocked(void (ChildChannel::*task)()) {
  if (loop_ != nullptr) {
    loop_->Post([self = shared_from_this(), task] {
      if (self->loop_ != nullptr) {
        ((*self).*task)();
      }
    });
  }
}

bool ChildChannel::Stalled() {
  const std::lock_guard lock(mutex_);
  stalled_ = undelivered_ >= kMaxUndelivered;
  return stalled_;
}

void ChildChannel::OnChannelReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    FlushQueue();
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
    return;
  }
  if (Stalled()) {
    // Level-triggered, and a hang-up cannot be masked: not a look at it until ReadOn.
    channel_watch_.Reset();
    return;
  }
  ReadPackets(kPacketsPerRound);
}

void ChildChannel::ReadPackets(size_t limit) {
  while (!channel_ended_ && limit-- > 0 && !Stalled()) {
    Received received = ReceivePacket(channel_.get(), scratch_);
    if (auto* packet = std::get_if<Packet>(&received)) {
      {
        const std::lock_guard lock(mutex_);
        if (closed_) {
          return;
        }
        ++undelivered_;
      }
      emit_(std::move(*packet));
    } else if (std::holds_alternative<NothingNow>(received)) {
      if (exit_) {
        EndChannel(
            std::nullopt);  // somebody else holds the child's end; its own packets are all here
      }
      return;
    } else if (auto* bad = std::get_if<BadPacket>(&received)) {
      EndChannel(std::move(bad->why));
    } else {
      EndChannel(std::nullopt);
    }
  }
}

void ChildChannel::ReadOn() {
  if (exit_) {
    FinishExit();
    return;
  }
  if (!channel_ended_ && !channel_watch_) {
    WatchChannel(EPOLLIN);
    FlushQueue();
  }
}

void ChildChannel::WatchChannel(uint32_t events) {
  if (channel_watch_) {
    channel_watch_.SetEvents(events);
    return;
  }
  auto watch =
      loop_->Add(channel_.get(), events, [this](uint32_t ready) { OnChannelReady(ready); });
  if (watch) {
    channel_watch_ = std::move(*watch);
  } else {
    EndChannel(watch.error().message);
  }
}

void ChildChannel::FlushQueue() {
  std::optional<std::string> failure;
  bool blocked = false;
  {
    const std::lock_guard lock(mutex_);
    while (channel_ && !queue_.empty() && !blocked && !failure) {
      std::vector<int> fds;
      for (const UniqueFd& fd : queue_.front().fds) {
        fds.push_back(fd.get());
      }
      const auto sent = SendPacket(channel_.get(), queue_.front().text, fds);
      if (sent && *sent) {
        queue_.pop_front();
      } else if (sent) {
        blocked = true;
      } else if (sent.error().number == EPIPE || sent.error().number == ECONNRESET) {
        queue_.clear();  // nobody will read it; that the child has gone is told by reading
      } else {
        failure = Describe(sent.error());
      }
    }
  }
  if (failure) {
    EndChannel(std::move(failure));
  } else if (channel_watch_) {
    channel_watch_.SetEvents(uint32_t{EPOLLIN} | (blocked ? uint32_t{EPOLLOUT} : 0U));
  }
}

void ChildChannel::EndChannel(std::optional<std::string> error) {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    channel_watch_.Reset();
    channel_.Reset();
    queue_.clear();
    wanted = !std::exchange(channel_ended_, true) && !closed_;
  }
  if (wanted) {
    emit_(ChannelEnd{.error = std::move(error)});
  }
}

void ChildChannel::OnClosed() {
  EndChannel(std::nullopt);  // emits nothing: closed_ is set
  if (exit_) {
    FinishExit();
  }
}

void ChildChannel::OnProcessEnded() {
  process_watch_.Reset();
  {
    const std::lock_guard lock(mutex_);
    exit_ = Reap(process_.get());
    process_.Reset();
  }
  FinishExit();
}

void ChildChannel::FinishExit() {
  // The consumer lets go of us when it hears of the exit, perhaps before emit_ has returned.
  const auto self = shared_from_this();
  ReadPackets(SIZE_MAX);
  if (channel_ended_ && exit_) {
    emit_(*std::exchange(exit_, std::nullopt));
  }
}

}  // namespace vmtest::addon
