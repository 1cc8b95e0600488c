#include "agent/exec.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/server.h"

namespace vmtest::agent {
namespace {

// One read makes one frame.
constexpr size_t kChunk = kMaxPayload;
// No more is read from a command while this much waits to be sent.
constexpr size_t kOutputHighWater = 256 * 1024;

}  // namespace

Exec::~Exec() { Release(); }

void Exec::Start(const ExecRequest& request) {
  Spawned spawned;
  SpawnFailure failure{};
  if (!Spawn(request, peer_->server()->child_defaults(), &spawned, &failure)) {
    finished_ = true;
    WriteError(peer_->output(), "spawn", failure.os_error, SpawnStageName(failure.stage));
    peer_->Close();
    return;
  }
  pid_ = spawned.pid;
  peer_->server()->Register(pid_, this);
  grace_ms_ = request.grace_ms;
  stdout_.credit = request.stdout_window;
  stderr_.credit = request.stderr_window;
  if (spawned.terminal) {
    // Two owners, because closing the input of a terminal must not end its output.
    stdout_.fd.Reset(::fcntl(spawned.terminal.get(), F_DUPFD_CLOEXEC, 3));
    if (request.want_stdin) {
      stdin_.Reset(::fcntl(spawned.terminal.get(), F_DUPFD_CLOEXEC, 3));
    }
    terminal_ = std::move(spawned.terminal);
  } else {
    stdin_ = std::move(spawned.stdin_pipe);
    stdout_.fd = std::move(spawned.stdout_pipe);
    stderr_.fd = std::move(spawned.stderr_pipe);
  }
  failure_ = std::move(spawned.failure);
  peer_->server()->loop()->Set(&failure_watch_, failure_.get(), EPOLLIN);
}

bool Exec::OnFrame(const Frame& frame) {
  switch (frame.type) {
    case FrameType::kStdin:
      return TakeStdin(frame.payload);
    case FrameType::kStdinEof:
      if (!frame.payload.empty() || stdin_eof_) {
        return false;
      }
      stdin_eof_ = true;
      WriteStdin();
      return true;
    case FrameType::kWindow: {
      const auto window = ParseWindow(frame.payload);
      if (!window) {
        return false;
      }
      Output& output = window->stream == 1 ? stdout_ : stderr_;
      output.credit += window->increment;
      if (output.credit > kMaxWindow) {
        return false;
      }
      UpdateOutput(&output);
      FinishIfDone();
      return true;
    }
    case FrameType::kSignal: {
      const auto number = ParseSignal(frame.payload);
      if (!number) {
        return false;
      }
      if (started_) {
        Signal(*number);
      } else {
        early_signal_ = *number;
      }
      return true;
    }
    case FrameType::kResize: {
      const auto resize = ParseResize(frame.payload);
      if (!resize || !terminal_) {
        return false;
      }
      winsize size{};
      size.ws_row = resize->rows;
      size.ws_col = resize->cols;
      ::ioctl(terminal_.get(), TIOCSWINSZ, &size);
      return true;
    }
    default:
      return false;
  }
}

bool Exec::TakeStdin(std::string_view bytes) {
  // Before STARTED the window is zero, without a standard input it stays so.
  if (bytes.empty() || bytes.size() > stdin_room_ || stdin_eof_) {
    return false;
  }
  stdin_room_ -= static_cast<uint32_t>(bytes.size());
  if (stdin_) {
    stdin_data_.append(bytes.data(), bytes.size());
    stdin_last_ = bytes.back();
    WriteStdin();
  }
  return true;
}

void Exec::WriteStdin() {
  while (stdin_ && stdin_written_ < stdin_data_.size()) {
    const ssize_t count = ::write(stdin_.get(), stdin_data_.data() + stdin_written_,
                                  stdin_data_.size() - stdin_written_);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && errno == EAGAIN) {
      break;
    }
    if (count < 0) {
      // EPIPE: the command reads no more. That is its right; the host need not send the rest.
      CloseStdin();
      FrameWriter(peer_->output(), FrameType::kStdinClosed);
      return;
    }
    stdin_written_ += static_cast<size_t>(count);
    stdin_consumed_ += static_cast<uint32_t>(count);
  }
  if (!stdin_) {
    return;
  }
  const bool drained = stdin_written_ == stdin_data_.size();
  if (drained) {
    stdin_data_.clear();
    stdin_written_ = 0;
  }
  // Not for every piece: each frame wakes the host, and until then it has half a window to send.
  if (!stdin_eof_ && stdin_consumed_ >= kStdinWindow / 2) {
    stdin_data_.erase(0, stdin_written_);
    stdin_written_ = 0;
    FrameWriter(peer_->output(), FrameType::kWindow).U8(0).U32(stdin_consumed_);
    stdin_room_ += stdin_consumed_;
    stdin_consumed_ = 0;
  }
  if (drained && stdin_eof_) {
    CloseStdin();
    return;
  }
  peer_->server()->loop()->Set(&stdin_watch_, stdin_.get(), drained ? 0U : EPOLLOUT);
}

void Exec::CloseStdin() {
  termios settings{};
  if (terminal_ && stdin_ && ::tcgetattr(terminal_.get(), &settings) == 0 &&
      (settings.c_lflag & ICANON) != 0) {
    // A terminal has no end-of-file but this character (termios(3), VEOF).
    // In the middle of a line the first one only ends the line's wait; the second is the end.
    const cc_t eof[2] = {settings.c_cc[VEOF], settings.c_cc[VEOF]};
    (void)!::write(stdin_.get(), eof, stdin_last_ == '\n' ? 1 : 2);
  }
  peer_->server()->loop()->Forget(&stdin_watch_);
  stdin_.Reset();
  stdin_data_.clear();
  stdin_written_ = 0;
}

void Exec::OnEvent(int fd, uint32_t) {
  if (fd == failure_.get()) {
    OnFailurePipe();
  } else if (fd == stdin_.get()) {
    WriteStdin();
  } else if (fd == stdout_.fd.get()) {
    Pump(&stdout_);
  } else if (fd == stderr_.fd.get()) {
    Pump(&stderr_);
  }
}

void Exec::OnFailurePipe() {
  SpawnFailure failure{};
  const ssize_t count = ::read(failure_.get(), &failure, sizeof failure);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  peer_->server()->loop()->Forget(&failure_watch_);
  failure_.Reset();
  if (count == static_cast<ssize_t>(sizeof failure)) {
    finished_ = true;
    WriteError(peer_->output(), "spawn", failure.os_error, SpawnStageName(failure.stage));
    peer_->Close();
    return;
  }
  // End-of-file: exec closed the pipe, or the child was killed on the way, which EXIT will tell.
  started_ = true;
  stdin_room_ = stdin_ ? kStdinWindow : 0;
  FrameWriter(peer_->output(), FrameType::kStarted)
      .U32(static_cast<uint32_t>(pid_))
      .U32(stdin_room_);
  if (early_signal_ != 0) {
    Signal(early_signal_);
  }
  UpdateOutput(&stdout_);
  UpdateOutput(&stderr_);
  if (stdin_eof_) {
    WriteStdin();
  }
  FinishIfDone();
}

void Exec::OnOutputRoom() {
  UpdateOutput(&stdout_);
  UpdateOutput(&stderr_);
}

void Exec::UpdateOutput(Output* output) {
  if (!output->fd) {
    return;
  }
  const bool want = started_ && output->credit > 0 && peer_->output_pending() < kOutputHighWater;
  peer_->server()->loop()->Set(&output->watch, output->fd.get(), want ? EPOLLIN : 0U);
}

// Until the pipe is empty, so that a command's last words and its end go out together.
void Exec::Pump(Output* output) {
  while (output->fd && peer_->output_pending() < kOutputHighWater && ReadOutput(output)) {
  }
  UpdateOutput(output);
  FinishIfDone();
}

bool Exec::ReadOutput(Output* output) {
  char buffer[kChunk];
  const auto want =
      static_cast<size_t>(std::min({output->credit, output->limit, uint64_t{sizeof buffer}}));
  if (want == 0) {
    return false;
  }
  const ssize_t count = ::read(output->fd.get(), buffer, want);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return false;
  }
  if (count <= 0) {
    // EIO is how a pty says that its last other end was closed (tty_ioctl(2), pty(7)).
    CloseOutput(output);
    return false;
  }
  const auto size = static_cast<uint64_t>(count);
  FrameWriter(peer_->output(), output->type).Raw({buffer, static_cast<size_t>(size)});
  output->credit -= size;
  if (output->limit != UINT64_MAX) {
    output->limit -= size;
    if (output->limit == 0) {
      CutOff(output);
    }
  }
  return true;
}

void Exec::CloseOutput(Output* output) {
  peer_->server()->loop()->Forget(&output->watch);
  output->fd.Reset();
  FrameWriter(peer_->output(), FrameType::kOutputEof).U8(output->number);
}

void Exec::CutOff(Output* output) {
  pollfd poll{output->fd.get(), POLLIN, 0};
  // POLLHUP: nobody holds the other end any more, so nothing is lost.
  ::poll(&poll, 1, 0);
  held_open_ = held_open_ || (poll.revents & POLLHUP) == 0;
  CloseOutput(output);
}

void Exec::OnExited(int status) {
  exited_ = true;
  status_ = status;
  if (finished_) {
    return;
  }
  grace_until_ = NowMs() + grace_ms_;
  FinishIfDone();
}

// Something that outlived the leader may hold the streams open, and may write for ever. What lies
// in the pipe now was written in time and is delivered; no more.
void Exec::OnDeadline() {
  grace_over_ = true;
  for (Output* output : {&stdout_, &stderr_}) {
    if (!output->fd) {
      continue;
    }
    int left = 0;
    if (::ioctl(output->fd.get(), FIONREAD, &left) != 0 || left <= 0) {
      CutOff(output);
    } else {
      output->limit = static_cast<uint64_t>(left);
    }
  }
  FinishIfDone();
}

void Exec::Signal(int number) {
  if (exited_ || pid_ <= 0) {
    return;
  }
  ::kill(-pid_, number);
  // A shell with job control puts the command that it waits for into a group of its own.
  pid_t foreground = 0;
  if (terminal_ && ::ioctl(terminal_.get(), TIOCGPGRP, &foreground) == 0 && foreground > 1 &&
      foreground != pid_) {
    ::kill(-foreground, number);
  }
}

void Exec::Kill() {
  if (exited_ || pid_ <= 0) {
    return;
  }
  Signal(SIGKILL);
  // The group exists only after the child's setsid; until then the process is all there is.
  ::kill(pid_, SIGKILL);
}

void Exec::FinishIfDone() {
  if (finished_ || !started_ || !exited_ || stdout_.fd || stderr_.fd) {
    return;
  }
  finished_ = true;
  // Nothing may follow EXIT, as news of input that nobody reads would: it would meet the next
  // command.
  peer_->server()->loop()->Forget(&stdin_watch_);
  stdin_.Reset();
  const bool signalled = WIFSIGNALED(status_);
  FrameWriter(peer_->output(), FrameType::kExit)
      .U8(signalled ? 1 : 0)
      .U32(static_cast<uint32_t>(signalled ? WTERMSIG(status_) : WEXITSTATUS(status_)))
      .U8(signalled && WCOREDUMP(status_) ? 1 : 0)
      .U8(held_open_ ? 1 : 0);
  peer_->Finished();
}

void Exec::Release() {
  finished_ = true;
  Loop* loop = peer_->server()->loop();
  loop->Forget(&failure_watch_);
  loop->Forget(&stdin_watch_);
  loop->Forget(&stdout_.watch);
  loop->Forget(&stderr_.watch);
  failure_.Reset();
  stdin_.Reset();
  terminal_.Reset();
  stdout_.fd.Reset();
  stderr_.fd.Reset();
  if (pid_ > 0 && !exited_) {
    // Once it was reaped, its number may already be another command's.
    peer_->server()->Unregister(pid_);
  }
  pid_ = -1;
}

}  // namespace vmtest::agent
