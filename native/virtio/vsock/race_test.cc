// The driver and the device on threads of their own, as in life: each round publishes a buffer at
// about the moment at which the device goes to sleep. The window that Queue::ResumeNotifications
// closes is only nanoseconds wide, so a pass is no proof of that (queue_notification_test.cc is);
// what this finds is a wake-up that nobody gives, and, under tsan, a race.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "event/loop_thread.h"
#include "virtio/vsock/fake_guest.h"

namespace vmtest::vsock {
namespace {

// Loops of waiting, in steps of a few nanoseconds: the next publication sweeps over the moment
// between the device's last look at the queue and its going to sleep.
constexpr uint32_t kDelays = 10'000;
constexpr uint32_t kStep = 37;

void Delay(uint32_t loops) {
  for (uint32_t i = 0; i < loops; ++i) {
    std::atomic_signal_fence(std::memory_order_seq_cst);  // or the loop would be optimised away
  }
}

// False after a time that only a failure takes.
template <typename Condition>
bool SpinUntil(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (uint32_t spins = 1; !condition(); ++spins) {
    if (spins % 1000 == 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::yield();
    }
  }
  return true;
}

class VsockRaceTest : public ::testing::TestWithParam<bool> {};

TEST_P(VsockRaceTest, NoWakeUpIsLostBetweenTwoThreads) {
  constexpr uint32_t kPort = 80;
  constexpr uint32_t kPeer = 7;
  constexpr uint32_t kRounds = 20'000;  // one byte each: less than credit that was never updated
  const auto thread = LoopThread::Start("vsock").value();
  EventLoop& loop = thread->loop();
  FakeHost host;
  const EventFd tx_kick = EventFd::Create().value();
  const EventFd rx_kick = EventFd::Create().value();
  std::unique_ptr<VsockDevice> device;
  std::unique_ptr<FakeGuest> guest;
  Watch tx_watch;
  Watch rx_watch;
  ASSERT_TRUE(loop.RunSync([&] {
    device = VsockDevice::Create(loop, host).value();
    guest = std::make_unique<FakeGuest>(
        *device, DeviceHarness::Options{.queue_size = 8, .event_index = GetParam()});
    EXPECT_TRUE(guest->Activate());
    EXPECT_TRUE(device->Listen(kPort).has_value());
    tx_watch = loop.Add(tx_kick.fd(), EPOLLIN,
                        [&](uint32_t) {
                          tx_kick.Drain();
                          device->OnQueueNotify(FakeGuest::kTx);
                        })
                   .value();
    rx_watch = loop.Add(rx_kick.fd(), EPOLLIN,
                        [&](uint32_t) {
                          rx_kick.Drain();
                          device->OnQueueNotify(FakeGuest::kRx);
                        })
                   .value();
    guest->PostRx(1);
    guest->Send(FakeGuest::To(kPort, kPeer, Op::kRequest));
    EXPECT_EQ(guest->Receive().size(), 1u);
    guest->Reclaim();
  }));
  ASSERT_EQ(host.accepted.size(), 1u);
  const int stream = host.accepted[0].stream.get();
  // From here on the queues are this thread's, and the device the other's.
  DriverQueue& tx = guest->harness().driver(FakeGuest::kTx);
  DriverQueue& rx = guest->harness().driver(FakeGuest::kRx);

  const auto publish = [](DriverQueue& queue, const EventFd& kick) {
    queue.Publish();
    if (queue.NeedsNotify()) {
      kick.Signal();
    }
  };

  // To the host. The next packet lies ready and is published after a byte has arrived there, which
  // is when the device is about to find the queue empty.
  const HeaderBytes header = SerialiseHeader(FakeGuest::To(kPort, kPeer, Op::kReadWrite, 1));
  const auto transmit = [&](uint32_t round) {
    tx.TakeAllUsed();
    ASSERT_GE(tx.free_descriptors(), 2u);
    const auto byte = static_cast<uint8_t>(round);
    tx.Chain().Readable(std::span<const uint8_t>(header)).Readable(byte).Place();
    uint8_t received = 0;
    ASSERT_TRUE(round == 0 ||
                SpinUntil([&] { return ::recv(stream, &received, 1, MSG_DONTWAIT) == 1; }));
    Delay(round * kStep % kDelays);
    publish(tx, tx_kick);
    ASSERT_EQ(received, round == 0 ? 0 : static_cast<uint8_t>(round - 1));
  };
  for (uint32_t round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(testing::Message() << "to the host, round " << round);
    transmit(round);
  }

  // To the guest, which has one buffer for one byte at a time; more waits always.
  const std::vector<uint8_t> zeros(kRounds);
  ASSERT_EQ(::send(stream, zeros.data(), zeros.size(), MSG_NOSIGNAL), std::ssize(zeros));
  const auto receive = [&](uint32_t round) {
    rx.Chain().Writable(kHeaderSize).Writable(1).Place();
    ASSERT_TRUE(round == 0 || SpinUntil([&] { return rx.HasUsed(); }));
    Delay(round * kStep % kDelays);
    publish(rx, rx_kick);
    if (round > 0) {
      ASSERT_EQ(FakeGuest::PacketOf(rx.TakeUsed().value()).payload, std::vector<uint8_t>{0});
    }
  };
  for (uint32_t round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(testing::Message() << "to the guest, round " << round);
    receive(round);
  }
  ASSERT_TRUE(loop.RunSync([&] {
    tx_watch.Reset();
    rx_watch.Reset();
    EXPECT_FALSE(guest->harness().interrupt().failed());
    guest.reset();
    device.reset();
  }));
}

INSTANTIATE_TEST_SUITE_P(EventIndex, VsockRaceTest, ::testing::Bool());

}  // namespace
}  // namespace vmtest::vsock
