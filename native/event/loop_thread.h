// LoopThread: an EventLoop that runs on a thread of its own.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "event/event_loop.h"

namespace vmtest {

class LoopThread {
 public:
  // `name`, of at most 15 bytes, is what tools like top show. Returns when the loop is running, so
  // that RunSync reaches its thread from the first call on.
  static Result<std::unique_ptr<LoopThread>> Start(const std::string& name);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  EventLoop& loop() { return *loop_; }
  // Stops the loop and waits for its thread. The loop stays, ended, for those who still have a
  // Watch on it.
  void Stop();

 private:
  explicit LoopThread(std::unique_ptr<EventLoop> loop) : loop_(std::move(loop)) {}

  std::unique_ptr<EventLoop> loop_;
  std::thread thread_;
};

}  // namespace vmtest
