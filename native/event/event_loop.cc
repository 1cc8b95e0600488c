#include "event/event_loop.h"

#include <sys/epoll.h>

#include <array>
#include <condition_variable>

#include "base/check.h"

namespace vmtest {

Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), key_(other.key_) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    Reset();
    loop_ = std::exchange(other.loop_, nullptr);
    key_ = other.key_;
  }
  return *this;
}

Watch::~Watch() { Reset(); }

void Watch::SetEvents(uint32_t events) {
  VMTEST_CHECK(loop_ != nullptr);
  loop_->Modify(key_, events);
}

void Watch::Reset() {
  if (loop_ != nullptr) {
    std::exchange(loop_, nullptr)->Remove(key_);
  }
}

Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return FailErrno("create an epoll instance");
  }
  EventFd wake = VM_TRY(EventFd::Create());
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.fd(), &event) < 0) {
    return FailErrno("watch an eventfd");
  }
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

EventLoop::~EventLoop() = default;

Result<Watch> EventLoop::Add(int fd, uint32_t events, Callback callback) {
  const uint64_t key = next_key_++;
  epoll_event event{.events = events, .data = {.u64 = key}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) {
    return FailErrno("watch a descriptor");
  }
  entries_.emplace(key, Entry{.fd = fd,
                              .events = events,
                              .callback = std::make_shared<Callback>(std::move(callback))});
  return Watch(this, key);
}

void EventLoop::Modify(uint64_t key, uint32_t events) {
  const auto entry = entries_.find(key);
  VMTEST_CHECK(entry != entries_.end());
  if (entry->second.events == events) {
    return;
  }
  epoll_event event{.events = events, .data = {.u64 = key}};
  VMTEST_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, entry->second.fd, &event) == 0);
  entry->second.events = events;
}

void EventLoop::Remove(uint64_t key) {
  const auto entry = entries_.find(key);
  VMTEST_CHECK(entry != entries_.end());
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry->second.fd, nullptr);
  entries_.erase(entry);
}

bool EventLoop::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) {
      return false;
    }
    tasks_.push_back(std::move(task));
  }
  wake_.Signal();
  return true;
}

bool EventLoop::RunSync(const Task& task) {
  if (OnLoopThread() || thread_.load() == std::thread::id()) {
    task();
    return true;
  }
  // Shared with the posted task: should the loop end first, the task is dropped unrun, and its
  // destructor is what wakes us.
  struct Rendezvous {
    std::mutex mutex;
    std::condition_variable changed;
    bool dropped = false;
    bool ran = false;
  };
  struct Ticket {
    explicit Ticket(std::shared_ptr<Rendezvous> r) : rendezvous(std::move(r)) {}
    ~Ticket() {
      const std::lock_guard lock(rendezvous->mutex);
      rendezvous->dropped = true;
      rendezvous->changed.notify_all();
    }
    std::shared_ptr<Rendezvous> rendezvous;
  };
  const auto rendezvous = std::make_shared<Rendezvous>();
  const bool posted = Post([&task, ticket = std::make_shared<Ticket>(rendezvous)] {
    task();
    const std::lock_guard lock(ticket->rendezvous->mutex);
    ticket->rendezvous->ran = true;
  });
  if (!posted) {
    return false;
  }
  std::unique_lock lock(rendezvous->mutex);
  rendezvous->changed.wait(lock, [&] { return rendezvous->dropped; });
  return rendezvous->ran;
}

void EventLoop::Run() {
  thread_ = std::this_thread::get_id();
  while (!stop_) {
    RunOnce(-1);
  }
  RunTasks();
  std::vector<Task> dropped;
  const std::lock_guard lock(mutex_);
  ended_ = true;
  dropped.swap(tasks_);
}

void EventLoop::RunOnce(int timeout_ms) {
  thread_ = std::this_thread::get_id();
  std::array<epoll_event, 64> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    const uint64_t key = event.data.u64;  // a copy: epoll_event is packed, so no reference may bind
    if (key == 0) {
      wake_.Drain();
      continue;
    }
    // A callback may remove any entry, its own too: look each one up, and keep it alive.
    const auto entry = entries_.find(key);
    if (entry != entries_.end()) {
      const auto callback = entry->second.callback;
      (*callback)(event.events);
    }
  }
  RunTasks();
}

void EventLoop::RunTasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) {
    task();
    task = nullptr;  // what it holds is released now, not after the last one
  }
}

void EventLoop::Stop() {
  stop_ = true;
  wake_.Signal();
}

bool EventLoop::OnLoopThread() const { return thread_.load() == std::this_thread::get_id(); }

}  // namespace vmtest
