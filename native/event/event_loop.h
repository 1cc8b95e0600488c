// EventLoop: one thread's epoll loop, and the threading rule of the whole core.
//
// Every virtio device, the control channel and every host descriptor belong to exactly one loop and
// are touched only on that loop's thread, so they need no locks. Another thread (a vCPU, mostly)
// reaches them by Post, which does not wait, or RunSync, which does.
//
// A loop thread never waits for a vCPU thread; a vCPU thread may wait for a loop (RunSync). That
// order is what makes RunSync free of deadlocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/event_fd.h"

namespace vmtest {

class EventLoop;

// A registration: the callback runs while this lives. Made by EventLoop::Add, must die on the
// loop's thread (or after the loop has ended). It does not own the descriptor; the descriptor must
// outlive it.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch();

  // Changes what is waited for (EPOLLIN, EPOLLOUT, ..., or 0 for errors and hang-ups only).
  // A no-op when nothing changes.
  void SetEvents(uint32_t events);
  void Reset();
  explicit operator bool() const { return loop_ != nullptr; }

 private:
  friend class EventLoop;
  Watch(EventLoop* loop, uint64_t key) : loop_(loop), key_(key) {}

  EventLoop* loop_ = nullptr;
  uint64_t key_ = 0;
};

class EventLoop {
 public:
  using Callback = std::function<void(uint32_t events)>;
  using Task = std::function<void()>;

  static Result<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Calls `callback` with the ready events of `fd`, level-triggered. Loop thread only (or before
  // Run). A descriptor can be registered once.
  Result<Watch> Add(int fd, uint32_t events, Callback callback);

  // Runs `task` on the loop's thread, soon. Any thread. Tasks run in the order they were posted.
  // Returns false, without running it, when the loop has ended.
  bool Post(Task task);

  // Runs `task` on the loop's thread and returns when it is done; at once when called there, or
  // when the loop has not been started yet (single-threaded set-up and tests). Returns false,
  // without having run it, when the loop has ended.
  bool RunSync(const Task& task);

  // Serves until Stop is called. The calling thread becomes the loop's thread.
  void Run();
  // One round: waits at most `timeout_ms` (-1: without limit) and serves what is ready. For tests.
  void RunOnce(int timeout_ms);
  // Ends Run after the current round; tasks already posted still run. Any thread.
  void Stop();

  bool OnLoopThread() const;

 private:
  struct Entry {
    int fd;
    uint32_t events;
    std::shared_ptr<Callback> callback;
  };

  EventLoop(UniqueFd epoll, EventFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

  friend class Watch;
  void Modify(uint64_t key, uint32_t events);
  void Remove(uint64_t key);
  void RunTasks();

  UniqueFd epoll_;
  EventFd wake_;
  std::unordered_map<uint64_t, Entry> entries_;  // loop thread
  uint64_t next_key_ = 1;                        // loop thread; 0 is wake_
  std::atomic<std::thread::id> thread_{};        // none until Run or RunOnce
  std::atomic<bool> stop_ = false;

  std::mutex mutex_;  // guards the two below; nothing is called while it is held
  std::vector<Task> tasks_;
  bool ended_ = false;
};

}  // namespace vmtest
