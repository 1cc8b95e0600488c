#include "event/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <chrono>
#include <thread>

#include "event/timer.h"

namespace vmtest {
namespace {

using std::chrono::milliseconds;

class EventLoopTest : public ::testing::Test {
 protected:
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
};

TEST_F(EventLoopTest, CallsBackWhenReady) {
  const EventFd event = EventFd::Create().value();
  int calls = 0;
  const Watch watch = loop_
                          ->Add(event.fd(), EPOLLIN,
                                [&](uint32_t) {
                                  event.Drain();
                                  ++calls;
                                })
                          .value();
  loop_->RunOnce(0);
  EXPECT_EQ(calls, 0);
  event.Signal();
  loop_->RunOnce(1000);
  loop_->RunOnce(0);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ACallbackMayRemoveItsOwnWatchAndOthers) {
  const EventFd first = EventFd::Create().value();
  const EventFd second = EventFd::Create().value();
  Watch watch_first;
  Watch watch_second;
  int calls = 0;
  const auto remove_both = [&](uint32_t) {
    ++calls;
    watch_first.Reset();
    watch_second.Reset();
  };
  watch_first = loop_->Add(first.fd(), EPOLLIN, remove_both).value();
  watch_second = loop_->Add(second.fd(), EPOLLIN, remove_both).value();
  first.Signal();
  second.Signal();
  loop_->RunOnce(1000);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, RunSyncFromAnotherThreadWaitsForTheTask) {
  std::thread runner([&] { loop_->Run(); });
  std::thread::id ran_on;
  while (!loop_->RunSync([&] { ran_on = std::this_thread::get_id(); })) {
  }
  // Before Run begins the task runs here; after that, there.
  loop_->Post([&] { loop_->Stop(); });
  const auto runner_id = runner.get_id();
  runner.join();
  EXPECT_TRUE(ran_on == runner_id || ran_on == std::this_thread::get_id());
}

TEST_F(EventLoopTest, AnEndedLoopTakesNoTasks) {
  loop_->Stop();
  loop_->Run();
  EXPECT_FALSE(loop_->Post([] {}));
  bool synced = true;
  std::thread([&] { synced = loop_->RunSync([] {}); }).join();
  EXPECT_FALSE(synced);
}

TEST_F(EventLoopTest, OnlyAnEventFdIsAdopted) {
  const EventFd event = EventFd::Create().value();
  const auto adopted = EventFd::Adopt(UniqueFd(::fcntl(event.fd(), F_DUPFD_CLOEXEC, 0)));
  ASSERT_TRUE(adopted.has_value());
  adopted->Signal();
  EXPECT_TRUE(event.Drain());
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(EventFd::Adopt(std::move(null)).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EventLoopTest, TimerFiresOnceAndCanBeDisarmed) {
  int fired = 0;
  Timer timer = Timer::Create(*loop_, [&] { ++fired; }).value();
  timer.Arm(milliseconds(1));
  loop_->RunOnce(1000);
  EXPECT_EQ(fired, 1);
  timer.Arm(milliseconds(1));
  std::this_thread::sleep_for(milliseconds(5));
  timer.Disarm();
  loop_->RunOnce(0);
  EXPECT_EQ(fired, 1);
}

}  // namespace
}  // namespace vmtest
