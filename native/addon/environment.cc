#include "addon/environment.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "addon/js_values.h"
#include "base/check.h"

namespace vmtest::addon {
namespace {

// How long the children of a worker have to end by themselves once their channel is closed.
constexpr int kExitGraceMs = 2000;

// The children of a worker's environment would stay zombies as long as the process lives. When the
// main thread goes the process ends, and they are init's.
void ReapAll(const std::vector<UniqueFd>& processes) {
  if (::getpid() == static_cast<pid_t>(::syscall(SYS_gettid))) {
    return;
  }
  for (const UniqueFd& process : processes) {
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, kExitGraceMs) != 1) {
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    }
    Reap(process.get());
  }
}

}  // namespace

void Environment::Install(Napi::Env env) { env.SetInstanceData(new Environment(env)); }

SystemResult<> Environment::StartThread() {
  if (thread_ != nullptr) {
    return {};
  }
  // The process's signals are Node's: none is to be handled on our thread.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto thread = LoopThread::Start("vmtest-addon");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!thread) {
    return FailSystem("epoll_create1", thread.error().os_error);
  }
  scratch_ = std::make_unique_for_overwrite<char[]>(kMaxPacketSize);
  const auto deliver = [](napi_env env, napi_value, void* environment, void*) {
    // Without an env the function is being torn down, and the environment may be gone.
    if (env != nullptr) {
      static_cast<Environment*>(environment)->DeliverOne();
    }
  };
  // Its queue has no limit: ChildChannel limits what one child can have on its way.
  VMTEST_CHECK(napi_create_threadsafe_function(env_, nullptr, nullptr,
                                               Napi::String::New(env_, "vmtest"), 0, 1, nullptr,
                                               nullptr, this, deliver, &wake_) == napi_ok);
  // Cleanup hooks run last in, first out: the thread ends before the function that it calls.
  VMTEST_CHECK(napi_add_env_cleanup_hook(
                   env_, [](void* self) { static_cast<Environment*>(self)->TearDown(); }, this) ==
               napi_ok);
  VMTEST_CHECK(napi_unref_threadsafe_function(env_, wake_) == napi_ok);
  thread_ = std::move(*thread);
  return {};
}

SystemResult<Environment::Started> Environment::StartChild(const SpawnRequest& request,
                                                           Listener listener) {
  if (auto started = StartThread(); !started) {
    return tl::unexpected(started.error());
  }
  auto spawned = Spawn(request);
  if (!spawned) {
    return tl::unexpected(spawned.error());
  }
  const pid_t pid = spawned->pid;
  const uint64_t id = ++last_child_;
  const auto channel = std::make_shared<ChildChannel>(
      thread_->loop(), std::span(scratch_.get(), kMaxPacketSize), std::move(*spawned),
      [this, id](ChildEvent what) { Emit(id, std::move(what)); });
  int failure = 0;
  UniqueFd orphan;
  thread_->loop().RunSync([&] {
    if (const auto started = channel->Start(); !started) {
      failure = started.error().os_error;
      orphan = channel->Shutdown();
    }
  });
  if (orphan) {
    ::syscall(SYS_pidfd_send_signal, orphan.get(), SIGKILL, nullptr, 0);
    Reap(orphan.get());
    return FailSystem("epoll_ctl", failure);
  }
  if (children_.empty()) {
    napi_ref_threadsafe_function(env_, wake_);
  }
  children_.emplace(id, Child{.channel = channel, .listener = std::move(listener)});
  return Started{.pid = pid, .channel = channel};
}

void Environment::Emit(uint64_t child, ChildEvent what) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back({.child = child, .what = std::move(what)});
  }
  // One call for each event. It cannot fail but for memory: the function outlives this thread.
  napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void Environment::DeliverOne() {
  std::optional<Event> event;
  {
    const std::lock_guard lock(mutex_);
    if (events_.empty()) {
      return;
    }
    event = std::move(events_.front());
    events_.pop_front();
  }
  const auto found = children_.find(event->child);
  if (found == children_.end()) {
    return;
  }
  // Out of the map before the last call: whatever JavaScript does there meets a settled state.
  if (const auto* exit = std::get_if<ProcessExit>(&event->what)) {
    Listener listener = std::move(found->second.listener);
    children_.erase(found);
    if (children_.empty()) {
      napi_unref_threadsafe_function(env_, wake_);
    }
    Call(listener, listener.on_exit, {ExitValue(env_, *exit)});
    return;
  }
  Child& child = found->second;  // stays: only an exit removes it
  if (auto* packet = std::get_if<Packet>(&event->what)) {
    child.channel->Delivered();
    if (child.channel->closed()) {
      return;
    }
    if (const auto fds = HandOverFds(env_, packet->fds)) {
      Call(child.listener, child.listener.on_message,
           {Napi::String::New(env_, packet->text), *fds});
    }
  } else if (const auto* end = std::get_if<ChannelEnd>(&event->what)) {
    if (!child.channel->closed()) {
      Call(child.listener, child.listener.on_channel_end,
           {end->error ? ErrorValue(env_, kProtocolCode, *end->error) : env().Null()});
    }
  }
}

void Environment::Call(Listener& listener, const Napi::FunctionReference& function,
                       const std::vector<napi_value>& arguments) {
  // The plain function, for Napi::Function::Call ends the process when JavaScript is not allowed to
  // run any more, which is how a worker looks while it is terminated.
  napi_call_function(env_, listener.self.Value(), function.Value(), arguments.size(),
                     arguments.data(), nullptr);
  bool threw = false;
  napi_is_exception_pending(env_, &threw);
  if (threw) {
    // As when an event emitter's listener throws: uncaughtException, and not a silent loss.
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env_, &error) == napi_ok) {
      napi_fatal_exception(env_, error);
    }
  }
}

void Environment::TearDown() {
  open_ = false;
  std::vector<UniqueFd> processes;
  thread_->loop().RunSync([&] {
    for (auto& [id, child] : children_) {
      if (UniqueFd process = child.channel->Shutdown()) {
        processes.push_back(std::move(process));
      }
    }
  });
  thread_.reset();
  children_.clear();
  events_.clear();  // closes descriptors that nobody received
  ReapAll(processes);
}

}  // namespace vmtest::addon
