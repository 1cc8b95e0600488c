#include "control/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "testing/send_descriptors.h"

namespace vmtest {
namespace {

class ChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> fds{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()), 0);
    host_.Reset(fds[0]);
    channel_ = ControlChannel::Create(
                   *loop_, UniqueFd(fds[1]),
                   {.on_packet =
                        [this](std::string_view text, std::vector<UniqueFd> descriptors) {
                          texts_.emplace_back(text);
                          descriptors_ = std::move(descriptors);
                        },
                    .on_end = [this] { ended_ = true; }})
                   .value();
  }

  void HostSends(std::string_view text, const std::vector<int>& fds) {
    const std::span bytes(static_cast<const uint8_t*>(static_cast<const void*>(text.data())),
                          text.size());
    ASSERT_EQ(SendWithDescriptors(host_.get(), bytes, fds), static_cast<ssize_t>(text.size()));
  }

  static size_t OpenDescriptors() {
    size_t count = 0;
    for (int fd = 0; fd < 1024; ++fd) {
      count += ::fcntl(fd, F_GETFD) >= 0 ? size_t{1} : size_t{0};
    }
    return count;
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  UniqueFd host_;
  std::vector<std::string> texts_;
  std::vector<UniqueFd> descriptors_;
  bool ended_ = false;
  std::unique_ptr<ControlChannel> channel_;
};

TEST_F(ChannelTest, BringsPacketsInOrderWithTheirDescriptors) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  HostSends("one", {});
  HostSends("two", {null.get(), null.get()});
  loop_->RunOnce(1000);
  loop_->RunOnce(1000);
  EXPECT_EQ(texts_, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(descriptors_.size(), 2u);
  EXPECT_FALSE(ended_);
}

TEST_F(ChannelTest, AnEndedHostIsTheEnd) {
  host_.Reset();
  loop_->RunOnce(1000);
  EXPECT_TRUE(ended_);
}

TEST_F(ChannelTest, TooManyDescriptorsEndTheChannelAndLeakNone) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const size_t before = OpenDescriptors();
  HostSends("x", std::vector<int>(kMaxPacketDescriptors + 1, null.get()));
  loop_->RunOnce(1000);
  EXPECT_TRUE(ended_);
  EXPECT_TRUE(texts_.empty());
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ChannelTest, SendsInOrderWhenTheHostIsSlow) {
  constexpr int kCount = 2000;
  for (int i = 0; i < kCount; ++i) {
    channel_->Send(std::to_string(i) + std::string(1000, '.'));
  }
  std::vector<char> buffer(kMaxPacketBytes);
  for (int i = 0; i < kCount; ++i) {
    ssize_t got = ::recv(host_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) {
      loop_->RunOnce(1000);
      got = ::recv(host_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    }
    ASSERT_GT(got, 0);
    ASSERT_EQ(std::atoi(buffer.data()), i);
  }
}

TEST_F(ChannelTest, AStreamSocketIsRefused) {
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const UniqueFd other(fds[0]);
  EXPECT_FALSE(ControlChannel::Create(*loop_, UniqueFd(fds[1]), {}).has_value());
}

}  // namespace
}  // namespace vmtest
