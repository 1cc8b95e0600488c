#include "agent/connection.h"

#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "agent/transfer.h"
#include "agent/workload.h"

namespace vmtest::agent {
namespace {

constexpr size_t kReadSize = 256 * 1024;
// How long a host may take to close after the last answer.
constexpr int64_t kLingerMs = 10'000;

}  // namespace

Connection::Connection(Server* server, Fd socket) : server_(server), socket_(std::move(socket)) {
  UpdateInterest();
}

Connection::~Connection() { Finish(); }

int64_t Connection::deadline() const {
  return exec_ != nullptr && state_ == State::kOperation ? exec_->deadline() : linger_until_;
}

void Connection::OnDeadline() {
  if (state_ == State::kOperation && exec_ != nullptr) {
    exec_->OnDeadline();
  } else if (state_ == State::kClosing) {
    Finish();
  }
}

void Connection::OnEvent(int, uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    Flush();
  }
  if (state_ != State::kFinished && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    ReadInput();
  }
}

void Connection::EndTurn() {
  if (state_ == State::kRequest) {
    exec_.reset();
  }
  if (state_ != State::kFinished && output_pending() > 0 && !socket_full_) {
    Flush();
  }
}

void Connection::ReadInput() {
  const ssize_t count = ::recv(socket_.get(), in_.Space(kReadSize), kReadSize, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (count <= 0) {
    // The host is gone; there is nobody to answer.
    Finish();
    return;
  }
  in_.Commit(static_cast<size_t>(count));
  HandleFrames();
}

void Connection::HandleFrames() {
  Frame frame{};
  while (state_ == State::kRequest || state_ == State::kOperation) {
    const auto status = in_.Next(&frame);
    if (status == FrameBuffer::Status::kNeedMore) {
      break;
    }
    if (status == FrameBuffer::Status::kTooLong) {
      Refuse("protocol", 0, "a frame is longer than its type allows");
      return;
    }
    if (state_ == State::kRequest && IsStale(frame)) {
      continue;
    }
    if (state_ == State::kRequest) {
      HandleRequest(frame);
    } else if (!exec_->OnFrame(frame)) {
      exec_->Kill();
      exec_->Release();
      Refuse("protocol", 0, "a frame that a running command does not take");
    }
  }
  if (state_ == State::kClosing) {
    // What the host sent before it saw the answer is of no use now.
    while (in_.Next(&frame) == FrameBuffer::Status::kFrame) {
    }
  }
}

// What the host sent to a command before it saw that it was over.
bool Connection::IsStale(const Frame& frame) const {
  switch (frame.type) {
    case FrameType::kStdin:
    case FrameType::kStdinEof:
    case FrameType::kWindow:
    case FrameType::kSignal:
    case FrameType::kResize:
      return had_command_;
    default:
      return false;
  }
}

void Connection::HandleRequest(const Frame& frame) {
  switch (frame.type) {
    case FrameType::kPing:
      FrameWriter(&out_, FrameType::kPong).Raw(frame.payload);
      Close();
      return;
    case FrameType::kSetClock:
      SetClock(frame.payload);
      return;
    case FrameType::kMeasure:
      if (!frame.payload.empty()) {
        break;
      }
      FrameWriter(&out_, FrameType::kMeasured).U64(TimeWorkload());
      Close();
      return;
    case FrameType::kExec: {
      const auto request = ParseExec(frame.payload);
      if (!request) {
        break;
      }
      state_ = State::kOperation;
      had_command_ = true;
      exec_ = std::make_unique<Exec>(this);
      exec_->Start(*request);
      return;
    }
    case FrameType::kPutFile:
    case FrameType::kGetFile:
    case FrameType::kPutTree:
    case FrameType::kGetTree:
      if (!ParseTransfer(frame.payload)) {
        break;
      }
      StartWorker(frame);
      return;
    case FrameType::kGlob:
      if (!ParseGlob(frame.payload)) {
        break;
      }
      StartWorker(frame);
      return;
    case FrameType::kPower:
      if (!ParsePower(frame.payload)) {
        break;
      }
      StartWorker(frame);
      return;
    default:
      Refuse("protocol", 0, "the first frame is not a request");
      return;
  }
  Refuse("protocol", 0, "a malformed request");
}

void Connection::SetClock(std::string_view payload) {
  const auto request = ParseClock(payload);
  if (!request) {
    Refuse("protocol", 0, "a malformed request");
    return;
  }
  timespec time{};
  time.tv_sec = request->seconds;
  time.tv_nsec = static_cast<long>(request->nanoseconds);
  if (::clock_settime(CLOCK_REALTIME, &time) != 0) {
    Refuse("clock", errno, "the clock cannot be set");
    return;
  }
  FrameWriter(&out_, FrameType::kOk);
  Close();
}

void Connection::StartWorker(const Frame& frame) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    RunWorker(socket_.Release(), frame, &in_);
  }
  if (pid < 0) {
    Refuse("agent", errno, "no process could be started for this request");
    return;
  }
  // The worker has its own copy of the descriptor; this one must not keep the connection open.
  Finish();
}

void Connection::Refuse(std::string_view code, int os_error, std::string_view message) {
  WriteError(&out_, code, os_error, message);
  Close();
}

void Connection::Finished() {
  if (state_ == State::kOperation) {
    state_ = State::kRequest;
  }
}

void Connection::Close() {
  if (state_ == State::kRequest || state_ == State::kOperation) {
    state_ = State::kClosing;
    linger_until_ = NowMs() + kLingerMs;
  }
}

void Connection::Flush() {
  socket_full_ = false;
  while (sent_ < out_.size()) {
    const ssize_t count = ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && errno == EAGAIN) {
      socket_full_ = true;
      break;
    }
    if (count < 0) {
      Finish();
      return;
    }
    sent_ += static_cast<size_t>(count);
    linger_until_ = state_ == State::kClosing ? NowMs() + kLingerMs : -1;
  }
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
    if (state_ == State::kClosing && !shut_down_) {
      // Close with unread input would reset the connection and could take the answer with it:
      // end our direction, then read until the host has closed its own.
      shut_down_ = true;
      ::shutdown(socket_.get(), SHUT_WR);
    }
  } else if (sent_ > kReadSize) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  if (state_ == State::kOperation) {
    exec_->OnOutputRoom();
  }
  UpdateInterest();
}

void Connection::UpdateInterest() {
  server_->loop()->Set(&watch_, socket_.get(), EPOLLIN | (socket_full_ ? EPOLLOUT : 0U));
}

void Connection::Finish() {
  if (state_ == State::kFinished) {
    return;
  }
  state_ = State::kFinished;
  if (exec_ != nullptr) {
    exec_->Kill();
    exec_->Release();
  }
  server_->loop()->Forget(&watch_);
  socket_.Reset();
  server_->ConnectionFinished();
}

}  // namespace vmtest::agent
