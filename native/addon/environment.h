// Environment: what the addon keeps for one JavaScript environment (the main thread, or a worker).
//
// One I/O thread, started with the first child, watches all children. Its events reach JavaScript
// one by one through a thread-safe function, each in a callback scope of its own, so that promises
// settle between them as they do between a socket's events.
#pragma once

#include <napi.h>

#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "addon/child_channel.h"
#include "event/loop_thread.h"

namespace vmtest::addon {

// The JavaScript functions of one child, kept alive until its exit was told.
struct Listener {
  Napi::ObjectReference self;
  Napi::FunctionReference on_message;
  Napi::FunctionReference on_channel_end;
  Napi::FunctionReference on_exit;
};

class Environment {
 public:
  // Makes the environment's data; it goes away with the environment.
  static void Install(Napi::Env env);
  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  // JavaScript thread.
  struct Started {
    pid_t pid;
    std::shared_ptr<ChildChannel> channel;
  };
  SystemResult<Started> StartChild(const SpawnRequest& request, Listener listener);
  // False once the environment is being torn down.
  bool open() const { return open_; }

 private:
  struct Child {
    std::shared_ptr<ChildChannel> channel;
    Listener listener;
  };
  struct Event {
    uint64_t child;
    ChildEvent what;
  };

  explicit Environment(napi_env env) : env_(env) {}
  Napi::Env env() const { return Napi::Env(env_); }

  SystemResult<> StartThread();
  void Emit(uint64_t child, ChildEvent what);  // I/O thread
  void DeliverOne();
  void Call(Listener& listener, const Napi::FunctionReference& function,
            const std::vector<napi_value>& arguments);
  void TearDown();

  const napi_env env_;
  bool open_ = true;
  napi_threadsafe_function wake_ = nullptr;
  std::unique_ptr<char[]> scratch_;
  std::unique_ptr<LoopThread> thread_;
  std::unordered_map<uint64_t, Child> children_;
  uint64_t last_child_ = 0;

  std::mutex mutex_;
  std::deque<Event> events_;
};

}  // namespace vmtest::addon
