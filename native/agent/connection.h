// One connection from the host: frames in, frames out, one operation after the other.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/codec.h"
#include "agent/exec.h"
#include "agent/fd.h"
#include "agent/loop.h"
#include "agent/server.h"

namespace vmtest::agent {

class Connection final : public EventHandler, public ExecPeer {
 public:
  // `socket` is non-blocking.
  Connection(Server* server, Fd socket);
  ~Connection();

  // True when the server may delete it.
  bool finished() const { return state_ == State::kFinished; }
  // When OnDeadline wants to be called next (NowMs), or -1.
  int64_t deadline() const;
  void OnDeadline();

  void OnEvent(int fd, uint32_t events) override;
  // Sends what the turn of the loop brought about.
  void EndTurn();

  // ExecPeer.
  std::string* output() override { return &out_; }
  size_t output_pending() const override { return out_.size() - sent_; }
  void Finished() override;
  void Close() override;
  Server* server() override { return server_; }

 private:
  enum class State {
    kRequest,    // of the next operation nothing has come
    kOperation,  // a command runs
    kClosing,    // the answer is on its way, then the host closes
    kFinished,
  };

  void ReadInput();
  void HandleFrames();
  void HandleRequest(const Frame& frame);
  bool IsStale(const Frame& frame) const;
  void SetClock(std::string_view payload);
  // Gives the connection to a process of its own: it may then block.
  void StartWorker(const Frame& frame);
  void Refuse(std::string_view code, int os_error, std::string_view message);
  void Flush();
  void UpdateInterest();
  void Finish();

  Server* server_;
  Fd socket_;
  Watch watch_{this};
  FrameBuffer in_;
  std::string out_;
  size_t sent_ = 0;
  bool socket_full_ = false;
  State state_ = State::kRequest;
  bool had_command_ = false;
  bool shut_down_ = false;
  int64_t linger_until_ = -1;
  std::unique_ptr<Exec> exec_;
};

}  // namespace vmtest::agent
