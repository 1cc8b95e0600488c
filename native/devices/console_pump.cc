#include "devices/console_pump.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace vmtest {

Result<std::unique_ptr<ConsolePump>> ConsolePump::Create(EventLoop& loop, UniqueFd host) {
  Kind kind = Kind::kNone;
  bool readable = false;
  bool writable = false;
  if (host) {
    struct stat status{};
    const int flags = ::fcntl(host.get(), F_GETFL);
    if (flags < 0 || ::fstat(host.get(), &status) < 0) {
      return FailErrno("use the console's descriptor");
    }
    const int access = flags & O_ACCMODE;
    readable = access != O_WRONLY;
    writable = access != O_RDONLY;
    if (S_ISSOCK(status.st_mode)) {
      kind = Kind::kSocket;
    } else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) {
      kind = Kind::kFile;
    } else {
      kind = Kind::kStream;
      VM_TRY(SetNonBlocking(host.get()));
      // A FIFO that is open both ways would give the guest its own output to read.
      readable = readable && !(S_ISFIFO(status.st_mode) && writable);
    }
  }
  std::unique_ptr<ConsolePump> pump(
      new ConsolePump(loop, std::move(host), kind, readable && kind != Kind::kFile, writable));
  VM_TRY(pump->Register());
  return pump;
}

ConsolePump::ConsolePump(EventLoop& loop, UniqueFd host, Kind kind, bool readable, bool writable)
    : loop_(loop),
      host_(std::move(host)),
      kind_(kind),
      in_open_(readable),
      listened_to_(writable),
      out_open_(writable) {}

ConsolePump::~ConsolePump() { Stop(); }

Result<> ConsolePump::Register() {
  flush_timer_ = VM_TRY(Timer::Create(loop_, [this] { OnFlushTimer(); }));
  drain_timer_ = VM_TRY(Timer::Create(loop_, [this] { FinishDrain(false); }));
  if (kind_ == Kind::kNone || kind_ == Kind::kFile) {
    return {};
  }
  auto watch = loop_.Add(host_.get(), 0, [this](uint32_t events) { OnReady(events); });
  if (watch) {
    watch_ = std::move(*watch);
  } else if (watch.error().os_error != EPERM) {
    return tl::unexpected(std::move(watch).error());
  }
  // EPERM: epoll(7) does not know this kind of descriptor (/dev/null), which is always ready.
  return {};
}

void ConsolePump::StartInput(SerialReceiver& uart) {
  uart_ = &uart;
  PullInput();
}

void ConsolePump::Write(std::span<const uint8_t> bytes) {
  bool arm = false;
  bool post = false;
  {
    std::unique_lock lock(mutex_);
    const auto may_go_on = [this, size = bytes.size()] {
      return Buffered() + size <= kCapacity || Buffered() == 0 || paused_ || stopped_ || !out_open_;
    };
    if (!may_go_on()) {
      VMTEST_CHECK(!loop_.OnLoopThread());
      ++statistics_.waits;
      room_.wait(lock, may_go_on);
    }
    if (stopped_ || !out_open_) {
      statistics_.dropped += listened_to_ ? bytes.size() : 0;
      return;
    }
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    const bool now = pending_.size() >= kFlushSize || std::ranges::find(bytes, '\n') != bytes.end();
    post = now && !std::exchange(flush_posted_, true);
    arm = !now && !std::exchange(timer_armed_, true);
  }
  if (post) {
    PostHere(&ConsolePump::FlushOutput);
  } else if (arm) {
    flush_timer_->Arm(kFlushDelay);
  }
}

void ConsolePump::OnInputRoom() { PostHere(&ConsolePump::PullInput); }

void ConsolePump::PostHere(void (ConsolePump::*task)()) {
  const bool posted = loop_.Post([weak = std::weak_ptr(self_), task] {
    if (const auto self = weak.lock()) {
      ((*self)->*task)();
    }
  });
  if (!posted) {
    // The loop has ended: nobody will ever make room.
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    room_.notify_all();
  }
}

void ConsolePump::OnReady(uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    // Nobody reads our output any more. Input may still be waiting, and is read without the watch,
    // which would report this for ever.
    watch_.Reset();
    CloseOutput();
  }
  if ((events & EPOLLOUT) != 0) {
    out_blocked_ = false;
    FlushOutput();
  }
  PullInput();
}

void ConsolePump::OnFlushTimer() {
  {
    const std::lock_guard lock(mutex_);
    timer_armed_ = false;
  }
  FlushOutput();
}

void ConsolePump::FlushOutput() {
  {
    const std::lock_guard lock(mutex_);
    flush_posted_ = false;
  }
  while (WriteSome()) {
  }
  UpdateWatch();
}

bool ConsolePump::WriteSome() {
  if (out_blocked_) {
    return false;
  }
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
    const std::lock_guard lock(mutex_);
    out_.swap(pending_);
    in_flight_ = out_.size();
  }
  if (out_.empty()) {
    FinishDrain(true);
    return false;
  }
  const std::span<const uint8_t> rest = std::span(out_).subspan(out_at_);
  const ssize_t written = kind_ == Kind::kSocket ? ::send(host_.get(), rest.data(), rest.size(),
                                                          MSG_DONTWAIT | MSG_NOSIGNAL)
                                                 : ::write(host_.get(), rest.data(), rest.size());
  if (written > 0) {
    out_at_ += static_cast<size_t>(written);
    const std::lock_guard lock(mutex_);
    in_flight_ -= static_cast<size_t>(written);
    statistics_.written += static_cast<uint64_t>(written);
    room_.notify_all();
    return true;
  }
  if (written < 0 && errno == EINTR) {
    return true;
  }
  if (written < 0 && errno == EAGAIN && watch_) {
    out_blocked_ = true;
    return false;
  }
  CloseOutput();
  return false;
}

void ConsolePump::CloseOutput() {
  {
    const std::lock_guard lock(mutex_);
    out_open_ = false;
    statistics_.dropped += Buffered();
    pending_.clear();
    in_flight_ = 0;
    room_.notify_all();
  }
  out_.clear();
  out_at_ = 0;
  out_blocked_ = false;
  FinishDrain(true);
}

void ConsolePump::PullInput() {
  while (in_open_ && uart_ != nullptr && !in_paused_) {
    if (in_at_ < in_end_) {
      in_at_ += uart_->Receive(std::span(in_).subspan(in_at_, in_end_ - in_at_));
      if (in_at_ < in_end_) {
        break;  // OnInputRoom will come
      }
    }
    in_at_ = 0;
    in_end_ = 0;
    const ssize_t count = kind_ == Kind::kSocket
                              ? ::recv(host_.get(), in_.data(), in_.size(), MSG_DONTWAIT)
                              : ::read(host_.get(), in_.data(), in_.size());
    if (count > 0) {
      in_end_ = static_cast<size_t>(count);
    } else if (count < 0 && errno == EAGAIN) {
      if (!watch_) {
        CloseInput();  // hung up: nothing can come any more
      }
      break;
    } else if (count == 0 || errno != EINTR) {
      CloseInput();
    }
  }
  UpdateWatch();
}

void ConsolePump::CloseInput() { in_open_ = false; }

void ConsolePump::UpdateWatch() {
  if (!watch_) {
    return;
  }
  const bool want_input = in_open_ && uart_ != nullptr && !in_paused_ && in_at_ == in_end_;
  watch_.SetEvents((want_input ? uint32_t{EPOLLIN} : 0U) |
                   (out_blocked_ ? uint32_t{EPOLLOUT} : 0U));
}

void ConsolePump::Pause() {
  in_paused_ = true;
  UpdateWatch();
  const std::lock_guard lock(mutex_);
  paused_ = true;
  room_.notify_all();
}

void ConsolePump::Resume() {
  {
    const std::lock_guard lock(mutex_);
    paused_ = false;
  }
  in_paused_ = false;
  PullInput();
}

void ConsolePump::Stop() {
  uart_ = nullptr;
  UpdateWatch();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  room_.notify_all();
}

void ConsolePump::Drain(std::chrono::nanoseconds limit, std::function<void(bool)> done) {
  VMTEST_CHECK(!drain_done_);
  drain_done_ = std::move(done);
  drain_timer_->Arm(limit);
  FlushOutput();
}

void ConsolePump::FinishDrain(bool nothing_left) {
  if (drain_done_) {
    const bool complete = nothing_left && statistics().dropped == 0;
    drain_timer_->Disarm();
    // Not from here: it may well destroy the pump.
    loop_.Post([done = std::exchange(drain_done_, nullptr), complete] { done(complete); });
  }
}

ConsolePump::Statistics ConsolePump::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

}  // namespace vmtest
