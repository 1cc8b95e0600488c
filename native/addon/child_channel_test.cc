// With real child processes. The consumer's side is addon.test.ts's; here it is about threads.
#include "addon/child_channel.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <thread>

#include "event/loop_thread.h"

namespace vmtest::addon {
namespace {

// What a child emitted, for the test's thread to wait on.
class Record {
 public:
  void Add(ChildEvent event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  // The packets before the exit.
  std::vector<std::string> UntilExit() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
      return !events_.empty() && std::holds_alternative<ProcessExit>(events_.back());
    });
    std::vector<std::string> texts;
    for (const ChildEvent& event : events_) {
      if (const auto* packet = std::get_if<Packet>(&event)) {
        texts.push_back(packet->text);
      }
    }
    return texts;
  }
  void UntilEvents(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return events_.size() >= count; });
  }
  // Waits for event number `index`.
  bool IsPacket(size_t index) {
    UntilEvents(index + 1);
    const std::lock_guard lock(mutex_);
    return std::holds_alternative<Packet>(events_[index]);
  }
  size_t size() {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }
  ProcessExit exit() {
    const std::lock_guard lock(mutex_);
    return std::get<ProcessExit>(events_.back());
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ChildEvent> events_;
};

class ChildChannelTest : public ::testing::Test {
 protected:
  std::shared_ptr<ChildChannel> StartChild(Record& record) {
    auto channel = std::make_shared<ChildChannel>(
        thread_->loop(), scratch_, Spawn({.file = VMTEST_TEST_CHILD}).value(),
        [&record](ChildEvent event) { record.Add(std::move(event)); });
    thread_->loop().RunSync([&] { EXPECT_TRUE(channel->Start().has_value()); });
    return channel;
  }

  std::vector<char> scratch_ = std::vector<char>(kMaxPacketSize);
  std::unique_ptr<LoopThread> thread_ = LoopThread::Start("test").value();
};

TEST_F(ChildChannelTest, EchoesUntilClosed) {
  Record record;
  const auto channel = StartChild(record);
  EXPECT_EQ(channel->Send("hello", {}).value(), ChildChannel::Sent::kYes);
  record.UntilEvents(1);
  channel->Delivered();
  channel->Close();
  EXPECT_EQ(channel->Send("late", {}).value(), ChildChannel::Sent::kClosed);
  EXPECT_EQ(record.UntilExit(), std::vector<std::string>{"hello"});
  EXPECT_EQ(record.exit().code, 0);
  EXPECT_FALSE(channel->Kill(SIGKILL).value());
}

TEST_F(ChildChannelTest, APileOfPacketsBothWays) {
  Record record;
  const auto channel = StartChild(record);
  constexpr size_t kCount = 2000;
  std::thread consumer([&] {
    for (size_t i = 1; i <= kCount; ++i) {
      record.UntilEvents(i);
      channel->Delivered();
    }
    channel->Close();
  });
  const std::string padding(500, 'p');
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(channel->Send(std::to_string(i) + padding, {}).value(), ChildChannel::Sent::kYes);
  }
  consumer.join();
  const auto texts = record.UntilExit();
  ASSERT_EQ(texts.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(texts[i], std::to_string(i) + padding);
  }
}

TEST_F(ChildChannelTest, NothingPilesUpWhenNobodyReceives) {
  Record record;
  const auto channel = StartChild(record);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(channel->Send("x", {}).has_value());
  }
  record.UntilEvents(64);
  for (int round = 0; round < 3; ++round) {
    thread_->loop().RunSync([] {});
  }
  EXPECT_EQ(record.size(), 64U);
  EXPECT_TRUE(channel->Kill(SIGKILL).value());
  // The exit comes after the packets before it, and these when the consumer takes them.
  for (size_t taken = 0; record.IsPacket(taken); ++taken) {
    channel->Delivered();
  }
  EXPECT_GE(record.UntilExit().size(), 64U);
  EXPECT_EQ(record.exit().signal, SIGKILL);
}

TEST_F(ChildChannelTest, ThreadsThatSendCloseAndKillAtOnce) {
  for (int round = 0; round < 20; ++round) {
    Record record;
    const auto channel = StartChild(record);
    std::vector<std::thread> threads;
    for (int id = 0; id < 3; ++id) {
      threads.emplace_back([&channel] {
        for (int i = 0; i < 50; ++i) {
          ASSERT_TRUE(channel->Send("packet", {}).has_value());
        }
      });
    }
    threads.emplace_back([&channel] { channel->Close(); });
    threads.emplace_back([&channel] { ASSERT_TRUE(channel->Kill(SIGKILL).has_value()); });
    for (std::thread& thread : threads) {
      thread.join();
    }
    record.UntilExit();
  }
}

TEST_F(ChildChannelTest, ShutdownGivesTheProcessBack) {
  Record record;
  const auto channel = StartChild(record);
  UniqueFd process;
  thread_->loop().RunSync([&] { process = channel->Shutdown(); });
  ASSERT_TRUE(process.valid());
  EXPECT_EQ(Reap(process.get()).code, 0) << "the child saw the end of its channel";
  EXPECT_EQ(channel->Send("late", {}).value(), ChildChannel::Sent::kClosed);
  EXPECT_FALSE(channel->Kill(SIGKILL).value());
  channel->Close();
}

}  // namespace
}  // namespace vmtest::addon
