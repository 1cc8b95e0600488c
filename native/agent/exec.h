// One command on behalf of one connection.
//
//   request ── spawn ──> waiting for the failure pipe ── EOF ──> STARTED, streams flow
//                                                     └─ error ─> ERROR, close
//   leader reaped ──> streams end by themselves or by the grace period ──> EXIT
//
// Output is read only when the host has granted a window for that stream and the connection's
// buffer is short, so a stream that nobody reads costs nothing and holds up no other. Input is
// bounded by the window that we grant, so the connection is always read: a signal never waits
// behind input that the command does not take.
#pragma once

#include <string>

#include "agent/codec.h"
#include "agent/loop.h"
#include "agent/spawn.h"

namespace vmtest::agent {

class Server;

// What a command sees of its connection.
class ExecPeer {
 public:
  // Frames are appended here, and sent at the end of the loop's turn: what one turn brings about
  // goes out as one.
  virtual std::string* output() = 0;
  virtual size_t output_pending() const = 0;  // bytes that are not sent yet
  virtual void Finished() = 0;                // the command is over, another request may follow
  virtual void Close() = 0;                   // nothing follows
  virtual Server* server() = 0;

 protected:
  ~ExecPeer() = default;
};

class Exec final : public EventHandler {
 public:
  explicit Exec(ExecPeer* peer) : peer_(peer) {}
  ~Exec();

  void Start(const ExecRequest& request);
  // False: the frame is malformed or has no place here.
  bool OnFrame(const Frame& frame);
  void OnEvent(int fd, uint32_t events) override;
  // The connection's buffer has become shorter.
  void OnOutputRoom();
  // The leader was reaped; `status` is wait(2)'s.
  void OnExited(int status);
  int64_t deadline() const { return grace_over_ || !started_ ? -1 : grace_until_; }
  void OnDeadline();
  // Kills the process group, unless its leader has ended.
  void Kill();
  // Closes all descriptors and forgets the process.
  void Release();

 private:
  struct Output {
    explicit Output(Exec* exec, FrameType type_, uint8_t number_)
        : type(type_), number(number_), watch(exec) {}
    FrameType type;
    uint8_t number;
    Watch watch;
    Fd fd;
    uint64_t credit = 0;
    // After the grace period: what may still be read.
    uint64_t limit = UINT64_MAX;
  };

  bool TakeStdin(std::string_view bytes);
  void WriteStdin();
  void CloseStdin();
  void OnFailurePipe();
  void Pump(Output* output);
  // Once; true when there may be more.
  bool ReadOutput(Output* output);
  void CloseOutput(Output* output);
  // Closes a stream that may still have a writer.
  void CutOff(Output* output);
  void UpdateOutput(Output* output);
  void Signal(int number);
  void FinishIfDone();

  ExecPeer* peer_;
  pid_t pid_ = -1;
  bool started_ = false;
  bool exited_ = false;
  bool finished_ = false;
  bool held_open_ = false;  // a stream was cut off because something outlived the leader
  int status_ = 0;
  int early_signal_ = 0;  // came before STARTED
  int64_t grace_ms_ = 0;
  int64_t grace_until_ = -1;
  bool grace_over_ = false;

  Fd failure_;
  Watch failure_watch_{this};

  Fd terminal_;  // both directions of a pty; outputs_[0].fd is a duplicate
  Fd stdin_;
  Watch stdin_watch_{this};
  std::string stdin_data_;
  size_t stdin_written_ = 0;
  uint32_t stdin_room_ = 0;      // what the host may still send
  uint32_t stdin_consumed_ = 0;  // written since the last WINDOW
  bool stdin_eof_ = false;
  char stdin_last_ = '\n';

  Output stdout_{this, FrameType::kStdout, 1};
  Output stderr_{this, FrameType::kStderr, 2};
};

}  // namespace vmtest::agent
