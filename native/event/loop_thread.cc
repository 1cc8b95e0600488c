#include "event/loop_thread.h"

#include <pthread.h>

#include <latch>

namespace vmtest {

Result<std::unique_ptr<LoopThread>> LoopThread::Start(const std::string& name) {
  std::unique_ptr<LoopThread> self(new LoopThread(VM_TRY(EventLoop::Create())));
  std::latch running(1);
  self->loop_->Post([&running] { running.count_down(); });
  self->thread_ = std::thread([loop = self->loop_.get()] { loop->Run(); });
  ::pthread_setname_np(self->thread_.native_handle(), name.c_str());
  running.wait();
  return self;
}

LoopThread::~LoopThread() { Stop(); }

void LoopThread::Stop() {
  loop_->Stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

}  // namespace vmtest
