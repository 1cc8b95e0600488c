#include "addon/packet.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace vmtest::addon {
namespace {

class PacketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    near_.Reset(pair[0]);
    far_.Reset(pair[1]);
  }
  Received Receive() { return ReceivePacket(near_.get(), buffer_); }

  UniqueFd near_;
  UniqueFd far_;
  std::vector<char> buffer_ = std::vector<char>(kMaxPacketSize);
};

TEST_F(PacketTest, CarriesTextAndDescriptors) {
  const UniqueFd null(::open("/dev/null", O_RDWR));
  const std::array<int, 2> fds{null.get(), far_.get()};
  ASSERT_TRUE(SendPacket(far_.get(), "hello", fds).value());
  Received received = Receive();
  auto& packet = std::get<Packet>(received);
  EXPECT_EQ(packet.text, "hello");
  ASSERT_EQ(packet.fds.size(), 2U);
  for (const UniqueFd& fd : packet.fds) {
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST_F(PacketTest, TheLargestPacketPassesAndALargerOneDoesNot) {
  const std::string largest(kMaxPacketSize, 'a');
  ASSERT_TRUE(SendPacket(far_.get(), largest, {}).value());
  Received received = Receive();
  EXPECT_EQ(std::get<Packet>(received).text, largest);
  ASSERT_TRUE(SendPacket(far_.get(), largest + "b", {}).value());
  received = Receive();
  EXPECT_NE(std::get<BadPacket>(received).why.find("65536 bytes"), std::string::npos);
}

TEST_F(PacketTest, TooManyDescriptorsAreClosedAgain) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  alignas(cmsghdr) std::array<char, CMSG_SPACE(65 * sizeof(int))> control{};
  char byte = 'x';
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(65 * sizeof(int));
  for (size_t i = 0; i < 65; ++i) {
    const int fd = null.get();
    __builtin_memcpy(CMSG_DATA(header) + i * sizeof(int), &fd, sizeof(fd));
  }
  ASSERT_EQ(::sendmsg(far_.get(), &message, 0), 1);
  const int next = ::dup(null.get());
  ::close(next);
  EXPECT_TRUE(std::holds_alternative<BadPacket>(Receive()));
  const int again = ::dup(null.get());
  ::close(again);
  EXPECT_EQ(again, next) << "the lowest free number is the same: none was kept";
}

TEST_F(PacketTest, NothingAndTheEnd) {
  EXPECT_TRUE(std::holds_alternative<NothingNow>(Receive()));
  far_.Reset();
  EXPECT_TRUE(std::holds_alternative<PeerClosed>(Receive()));
  EXPECT_EQ(SendPacket(near_.get(), "x", {}).error().number, EPIPE);
}

TEST_F(PacketTest, AFullSocketAsksToWait) {
  const std::string text(kMaxPacketSize, 'a');
  int taken = 0;
  while (SendPacket(far_.get(), text, {}).value()) {
    ASSERT_LT(++taken, 1000);
  }
  EXPECT_GT(taken, 0);
}

TEST_F(PacketTest, BadDescriptorsAreAnError) {
  EXPECT_EQ(SendPacket(far_.get(), "x", std::array<int, 1>{987'654}).error().number, EBADF);
}

TEST(Utf8Test, Table) {
  const std::array<std::pair<std::string_view, bool>, 20> table{{
      {"", true},
      {"plain", true},
      {"\xc2\x80", true},
      {"\xdf\xbf", true},
      {"\xe0\xa0\x80", true},
      {"\xed\x9f\xbf", true},
      {"\xef\xbf\xbf", true},
      {"\xf0\x90\x80\x80", true},
      {"\xf4\x8f\xbf\xbf", true},
      {"a\xe2\x82\xac z", true},
      {"\x80", false},          // a continuation alone
      {"\xc2", false},          // cut off
      {"\xe2\x82", false},      // cut off
      {"\xc0\xaf", false},      // overlong
      {"\xe0\x9f\xbf", false},  // overlong
      {"\xf0\x8f\xbf\xbf", false},
      {"\xed\xa0\x80", false},  // a surrogate
      {"\xf4\x90\x80\x80", false},
      {"\xff", false},
      {"\xe2(\xa1", false},
  }};
  for (const auto& [text, good] : table) {
    EXPECT_EQ(IsUtf8(text), good) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace vmtest::addon
