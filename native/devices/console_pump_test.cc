#include "devices/console_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <future>
#include <thread>

#include "devices/device_test_util.h"
#include "devices/serial16550.h"

namespace vmtest {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct Pair {
  UniqueFd near;
  UniqueFd far;
};

Pair Sockets() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Pair Pipe() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  return {UniqueFd(fds[1]), UniqueFd(fds[0])};
}

std::string ReadExactly(int fd, size_t size) {
  std::string text(size, '\0');
  size_t at = 0;
  while (at < size) {
    const ssize_t count = ::read(fd, text.data() + at, size - at);
    if (count <= 0) {
      break;
    }
    at += static_cast<size_t>(count);
  }
  text.resize(at);
  return text;
}

// Fills a socket, so that it takes nothing more until its peer reads. Returns what the peer will
// read.
std::string Block(int fd) {
  std::string filler;
  for (const size_t size : {size_t{4096}, size_t{1}}) {
    const std::string chunk(size, 'x');
    ssize_t count = 0;
    while ((count = ::send(fd, chunk.data(), chunk.size(), MSG_DONTWAIT)) > 0) {
      filler.append(static_cast<size_t>(count), 'x');
    }
  }
  return filler;
}

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// A byte stream in which every place can be told from its neighbours.
std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    text[i] = static_cast<char>(i * 7 + i / 251);
  }
  return text;
}

// The loop runs on a thread of its own; the test's thread plays the vCPU and the host.
class ConsolePumpTest : public ::testing::Test {
 protected:
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }
  void Start(UniqueFd host) {
    pump_ = ConsolePump::Create(*loop_, std::move(host)).value();
    uart_.emplace(interrupt_, *pump_);
    thread_ = std::thread([this] { loop_->Run(); });
  }
  void TearDown() override {
    if (thread_.joinable()) {
      OnLoop([this] { pump_.reset(); });
      loop_->Stop();
      thread_.join();
    }
  }
  void OnLoop(const std::function<void()>& task) {
    std::promise<void> done;
    loop_->Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  bool Drain(std::chrono::nanoseconds limit) {
    std::promise<bool> result;
    loop_->Post([&] { pump_->Drain(limit, [&](bool complete) { result.set_value(complete); }); });
    return result.get_future().get();
  }
  // Returns when `count` vCPUs have had to wait for the host.
  void UntilWaiting(uint64_t count) {
    while (pump_->statistics().waits < count) {
      std::this_thread::yield();
    }
  }
  // A vCPU that writes until it is told that it is enough.
  void Fill() {
    const std::string chunk(1024, 'x');
    while (!enough_) {
      pump_->Write(Bytes(chunk));
      written_ += chunk.size();
    }
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  EventFd interrupt_ = EventFd::Create().value();
  std::unique_ptr<ConsolePump> pump_;
  std::optional<Serial16550> uart_;
  std::thread thread_;
  std::atomic<size_t> written_ = 0;
  std::atomic<bool> enough_ = false;
};

TEST_F(ConsolePumpTest, ALineReachesTheHost) {
  Pair pair = Sockets();
  Start(std::move(pair.near));
  for (const char c : std::string("Linux version 6.1\n")) {
    Out(*uart_, 0, static_cast<uint8_t>(c));
  }
  EXPECT_EQ(ReadExactly(pair.far.get(), 18), "Linux version 6.1\n");
}

TEST_F(ConsolePumpTest, APromptWithoutNewlineReachesTheHostToo) {
  Pair pair = Sockets();
  Start(std::move(pair.near));
  pump_->Write(Bytes("login: "));
  EXPECT_EQ(ReadExactly(pair.far.get(), 7), "login: ");
  pump_->Write(Bytes("again: "));
  EXPECT_EQ(ReadExactly(pair.far.get(), 7), "again: ");
}

TEST_F(ConsolePumpTest, NothingIsLostWhenTheHostIsSlow) {
  for (Pair& pair : std::array{Sockets(), Pipe()}) {
    Start(std::move(pair.near));
    const std::string sent = Pattern(2'000'000);
    std::thread vcpu([&] {
      for (size_t at = 0; at < sent.size(); at += 3) {
        pump_->Write(Bytes(std::string_view(sent).substr(at, 3)));
      }
    });
    UntilWaiting(1);  // the host has read nothing yet
    EXPECT_EQ(ReadExactly(pair.far.get(), sent.size()), sent);
    vcpu.join();
    TearDown();
    loop_ = EventLoop::Create().value();
  }
}

TEST_F(ConsolePumpTest, SeveralVcpusWaitAndAllGoOn) {
  Pair pair = Sockets();
  const std::string filler = Block(pair.near.get());
  Start(std::move(pair.near));
  constexpr size_t kEach = 200'000;
  std::vector<std::thread> vcpus;
  for (int id = 0; id < 3; ++id) {
    vcpus.emplace_back([&, id] {
      const std::string byte(1, static_cast<char>('a' + id));
      for (size_t i = 0; i < kEach; ++i) {
        pump_->Write(Bytes(byte));
      }
    });
  }
  UntilWaiting(3);
  ReadExactly(pair.far.get(), filler.size());
  const std::string all = ReadExactly(pair.far.get(), 3 * kEach);
  for (std::thread& vcpu : vcpus) {
    vcpu.join();
  }
  for (const char c : {'a', 'b', 'c'}) {
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(all, c)), kEach);
  }
}

TEST_F(ConsolePumpTest, StopReleasesAVcpuThatWaits) {
  Pair pair = Sockets();
  Block(pair.near.get());
  Start(std::move(pair.near));
  std::thread vcpu([this] { Fill(); });
  UntilWaiting(1);
  enough_ = true;
  OnLoop([this] { pump_->Stop(); });
  vcpu.join();
  pump_->Write(Bytes("into the void\n"));
  EXPECT_EQ(pump_->statistics().dropped, 1024U + 14U);
}

TEST_F(ConsolePumpTest, AHostThatClosesReleasesAVcpuThatWaits) {
  Pair pair = Sockets();
  Block(pair.near.get());
  Start(std::move(pair.near));
  std::thread vcpu([this] { Fill(); });
  UntilWaiting(1);
  enough_ = true;
  pair.far.Reset();
  vcpu.join();
  pump_->Write(Bytes("nobody reads this\n"));
  EXPECT_EQ(pump_->statistics().dropped, written_ + 18);
}

TEST_F(ConsolePumpTest, APipeWhoseReaderIsGoneDoesNotStopTheGuest) {
  Pair pair = Pipe();
  Start(std::move(pair.near));
  pair.far.Reset();
  const std::string line(1023, 'z');
  for (int i = 0; i < 1000; ++i) {
    pump_->Write(Bytes(line + "\n"));
  }
  EXPECT_FALSE(Drain(hours(1))) << "it says that output was lost";
}

TEST_F(ConsolePumpTest, PauseReleasesAVcpuAndKeepsWhatItWrote) {
  Pair pair = Sockets();
  const std::string filler = Block(pair.near.get());
  Start(std::move(pair.near));
  std::thread vcpu([this] { Fill(); });
  UntilWaiting(1);
  enough_ = true;
  OnLoop([this] { pump_->Pause(); });
  vcpu.join();
  OnLoop([this] { pump_->Resume(); });
  EXPECT_EQ(ReadExactly(pair.far.get(), filler.size() + written_),
            filler + std::string(written_, 'x'));
  EXPECT_EQ(pump_->statistics().dropped, 0U);
}

TEST_F(ConsolePumpTest, DrainWaitsForTheHost) {
  Pair pair = Sockets();
  const std::string filler = Block(pair.near.get());
  Start(std::move(pair.near));
  const std::string sent = Pattern(60'000);
  pump_->Write(Bytes(sent));
  auto drained = std::async(std::launch::async, [this] { return Drain(hours(1)); });
  EXPECT_EQ(ReadExactly(pair.far.get(), filler.size() + sent.size()), filler + sent);
  EXPECT_TRUE(drained.get());
  EXPECT_TRUE(Drain(hours(1))) << "with nothing left it answers at once";
}

TEST_F(ConsolePumpTest, DrainGivesUpAtItsLimit) {
  Pair pair = Sockets();
  Block(pair.near.get());
  Start(std::move(pair.near));
  std::thread vcpu([this] { Fill(); });
  UntilWaiting(1);
  EXPECT_FALSE(Drain(milliseconds(1)));
  enough_ = true;
  OnLoop([this] { pump_->Stop(); });
  vcpu.join();
}

TEST_F(ConsolePumpTest, DrainEndsWhenTheHostCloses) {
  Pair pair = Sockets();
  Block(pair.near.get());
  Start(std::move(pair.near));
  std::thread vcpu([this] { Fill(); });
  UntilWaiting(1);
  auto drained = std::async(std::launch::async, [this] { return Drain(hours(1)); });
  OnLoop([] {});
  enough_ = true;
  pair.far.Reset();
  EXPECT_FALSE(drained.get());
  vcpu.join();
}

TEST_F(ConsolePumpTest, ARegularFileTakesEverything) {
  std::string path = ::testing::TempDir() + "console-XXXXXX";
  UniqueFd file(::mkstemp(path.data()));
  ASSERT_TRUE(file.valid());
  ::unlink(path.c_str());
  const UniqueFd reader = file.Duplicate().value();
  Start(std::move(file));
  OnLoop([this] { pump_->StartInput(*uart_); });
  const std::string sent = Pattern(300'000);
  for (size_t at = 0; at < sent.size(); at += 1000) {
    pump_->Write(Bytes(std::string_view(sent).substr(at, 1000)));
  }
  EXPECT_TRUE(Drain(hours(1)));
  ::lseek(reader.get(), 0, SEEK_SET);
  EXPECT_EQ(ReadExactly(reader.get(), sent.size()), sent);
  EXPECT_EQ(In(*uart_, 5) & 1, 0) << "a file is no input";
}

TEST_F(ConsolePumpTest, DevNullAndNoConsoleAtAll) {
  for (const char* path : {"/dev/null", ""}) {
    Start(UniqueFd(*path != '\0' ? ::open(path, O_RDWR | O_CLOEXEC) : -1));
    OnLoop([this] { pump_->StartInput(*uart_); });
    const std::string line = std::string(99, 'n') + "\n";
    for (int i = 0; i < 5000; ++i) {
      pump_->Write(Bytes(line));
    }
    EXPECT_TRUE(Drain(hours(1)));
    TearDown();
    loop_ = EventLoop::Create().value();
  }
}

TEST_F(ConsolePumpTest, AFullDeviceDropsAndTheGuestGoesOn) {
  Start(UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
  for (int i = 0; i < 5000; ++i) {
    pump_->Write(Bytes("no space left on device\n"));
  }
  Drain(hours(1));
  EXPECT_EQ(pump_->statistics().dropped, 5000U * 24U);
}

TEST_F(ConsolePumpTest, InputReachesTheGuestInOrderAndWaitsForIt) {
  for (const bool close_early : {false, true}) {
    Pair pair = Sockets();
    Start(std::move(pair.near));
    Out(*uart_, 2, 0x01);
    Out(*uart_, 1, 0x01);
    OnLoop([this] { pump_->StartInput(*uart_); });
    const std::string sent = Pattern(20'000);
    ASSERT_EQ(::send(pair.far.get(), sent.data(), sent.size(), 0),
              static_cast<ssize_t>(sent.size()));
    if (close_early) {
      pair.far.Reset();  // what was sent must arrive all the same
    }
    std::string received;
    while (received.size() < sent.size()) {
      // Polled, as a guest without interrupts does.
      if ((In(*uart_, 5) & 1) != 0) {
        received.push_back(static_cast<char>(In(*uart_, 0)));
      } else {
        std::this_thread::yield();
      }
    }
    EXPECT_EQ(received, sent);
    TearDown();
    loop_ = EventLoop::Create().value();
  }
}

TEST_F(ConsolePumpTest, AGuestThatDoesNotReadHoldsTheHostBack) {
  Pair pair = Sockets();
  Start(std::move(pair.near));
  OnLoop([this] { pump_->StartInput(*uart_); });
  ::fcntl(pair.far.get(), F_SETFL, O_NONBLOCK);
  const std::string chunk(4096, 'i');
  size_t taken = 0;
  ssize_t count = 0;
  while ((count = ::send(pair.far.get(), chunk.data(), chunk.size(), 0)) > 0) {
    taken += static_cast<size_t>(count);
    ASSERT_LT(taken, size_t{16} << 20);
  }
  EXPECT_EQ(errno, EAGAIN);
  // Output still flows meanwhile.
  pump_->Write(Bytes("ok\n"));
  ::fcntl(pair.far.get(), F_SETFL, 0);
  EXPECT_EQ(ReadExactly(pair.far.get(), 3), "ok\n");
}

TEST_F(ConsolePumpTest, InputThatEndsLeavesOutputOpen) {
  Pair pair = Sockets();
  Start(std::move(pair.near));
  OnLoop([this] { pump_->StartInput(*uart_); });
  ::shutdown(pair.far.get(), SHUT_WR);
  pump_->Write(Bytes("still here\n"));
  EXPECT_EQ(ReadExactly(pair.far.get(), 11), "still here\n");
}

TEST_F(ConsolePumpTest, NoInputWhilePaused) {
  Pair pair = Sockets();
  Start(std::move(pair.near));
  OnLoop([this] {
    pump_->StartInput(*uart_);
    pump_->Pause();
  });
  ASSERT_EQ(::send(pair.far.get(), "k", 1, 0), 1);
  // The loop looks at its descriptors before each task: two tasks are a whole round.
  OnLoop([] {});
  OnLoop([] {});
  EXPECT_EQ(In(*uart_, 5) & 1, 0);
  OnLoop([this] { pump_->Resume(); });
  EXPECT_EQ(In(*uart_, 0), 'k');
}

TEST_F(ConsolePumpTest, RefusesADescriptorThatIsNone) {
  const int closed = ::dup(0);
  ::close(closed);
  // Not owned by a UniqueFd afterwards: its number may be another's by then.
  auto pump = ConsolePump::Create(*loop_, UniqueFd(closed));
  ASSERT_FALSE(pump.has_value());
  EXPECT_EQ(pump.error().os_error, EBADF);
}

}  // namespace
}  // namespace vmtest
