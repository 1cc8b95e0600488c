// Random interleavings of an honest guest and an honest host over many connections with tiny
// buffers. Every byte must arrive in order; when both stop, everything must drain with nothing but
// the wake-ups that the device itself gives; then nothing may be left.
#include <sys/socket.h>

#include <map>
#include <random>

#include "virtio/vsock/device_fixture.h"
#include "virtio/vsock/model_guest.h"

namespace vmtest::vsock {
namespace {

class Model : public VsockHost {
 public:
  static constexpr uint32_t kPort = 80;
  static constexpr uint32_t kUnknownPort = 81;

  Model(uint32_t seed, bool event_index)
      : random_(seed),
        device_(VsockDevice::Create(*loop_, *this,
                                    {.max_connections = 12,
                                     .large_buffer = 300,
                                     .small_buffer = 40,
                                     .buffer_budget = 1500,
                                     .large_socket_buffer = 1,
                                     .small_socket_buffer = 1})
                    .value()),
        fake_(*device_, {.queue_size = 16, .event_index = event_index}),
        guest_(fake_) {
    EXPECT_TRUE(fake_.Activate());
    EXPECT_TRUE(device_->Listen(kPort).has_value());
    guest_.refuse_multiples_of = 5;
  }

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Step();
    }
    Drain();
    Check();
  }

 private:
  struct HostEnd {
    UniqueFd stream;
    uint32_t written = 0;
    uint32_t goal = 0;
    uint32_t read = 0;
    bool finish = false;
    bool finished = false;
    bool saw_end = false;
  };
  using Key = ModelGuest::Key;

  void OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) override {
    ends_[{port, peer_port}].stream = std::move(stream);
  }

  uint32_t Random(uint32_t below) { return static_cast<uint32_t>(random_() % below); }

  // Any element, by luck.
  template <typename Map>
  typename Map::value_type* Any(Map& map) {
    return map.empty() ? nullptr
                       : &*std::next(map.begin(), Random(static_cast<uint32_t>(map.size())));
  }

  void Step() {
    switch (Random(14)) {
      case 0:
        if (Random(8) == 0) {
          guest_.Open(Random(6) == 0 ? kUnknownPort : kPort, next_id_++, 20 + Random(400));
        }
        break;
      case 1:
        if (Random(8) == 0) {
          ConnectFromHost();
        }
        break;
      case 2:
      case 3:
        guest_.PostRx(1 + static_cast<int>(Random(4)), 1 + Random(200));
        break;
      case 4:
      case 5:
        guest_.HandleInterrupts();
        break;
      case 6:
        if (auto* any = Any(guest_.sockets())) {
          if (!any->second.finish) {
            any->second.goal += Random(500);
            any->second.finish = Random(20) == 0;
          }
        }
        break;
      case 7:
        guest_.Transmit(1 + Random(300));
        break;
      case 8:
        if (auto* any = Any(guest_.sockets())) {
          guest_.Consume(any->first, any->second, Random(300));
        }
        break;
      case 9:
        if (auto* any = Any(ends_)) {
          if (!any->second.finish) {
            any->second.goal += Random(1500);
            any->second.finish = Random(20) == 0;
          }
          Write(*any, 1 + Random(5000));
        }
        break;
      case 10:
        if (auto* any = Any(ends_)) {
          Read(*any, 1 + Random(5000));
        }
        break;
      case 11:
      case 12:
        loop_->RunOnce(0);
        break;
      case 13:
        if (Random(10) == 0) {
          device_->Pause();
        } else {
          device_->Resume();
        }
        if (auto* any = Any(guest_.sockets()); any != nullptr && any->second.open) {
          if (!any->second.gone) {
            guest_.Queue(any->first, Op::kCreditRequest);
          }
        }
        break;
      default:
        break;
    }
  }

  void ConnectFromHost() {
    const uint32_t id = next_id_++;
    ++asked_;
    device_->Connect(id, [this, id](Result<UniqueFd> result) {
      ++answered_;
      if (result) {
        // The guest's side says which host port it was.
        for (const auto& [key, socket] : guest_.sockets()) {
          if (key.second == id) {
            ends_[key].stream = std::move(*result);
            return;
          }
        }
      }
    });
  }

  bool Write(std::pair<const Key, HostEnd>& entry, uint32_t most) {
    auto& [key, end] = entry;
    const uint32_t size = std::min(end.goal - end.written, most);
    if (size > 0) {
      std::vector<uint8_t> bytes(size);
      for (uint32_t i = 0; i < size; ++i) {
        bytes[i] = PatternByte(key.second, false, end.written + i);
      }
      const ssize_t sent =
          ::send(end.stream.get(), bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
        end.written += static_cast<uint32_t>(sent);
        return true;
      }
      EXPECT_EQ(errno, EAGAIN);
      return false;
    }
    if (end.finish && !end.finished) {
      end.finished = true;
      ::shutdown(end.stream.get(), SHUT_WR);
      return true;
    }
    return false;
  }

  bool Read(std::pair<const Key, HostEnd>& entry, uint32_t most) {
    auto& [key, end] = entry;
    std::vector<uint8_t> bytes(most);
    const ssize_t size = ::recv(end.stream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0) {
      EXPECT_EQ(errno, EAGAIN);
      return false;
    }
    for (ssize_t i = 0; i < size; ++i) {
      const uint8_t expected = PatternByte(key.second, true, end.read++);
      if (bytes[static_cast<size_t>(i)] != expected) {
        ADD_FAILURE() << "a wrong byte to the host on " << key.second;
        return false;
      }
    }
    return size > 0 || !std::exchange(end.saw_end, true);
  }

  // Everybody finishes what was begun. Ends when nobody can do anything any more.
  void Drain() {
    device_->Resume();
    int idle = 0;
    while (idle < 4) {
      bool worked = false;
      const uint64_t before = Moved();
      loop_->RunOnce(0);
      guest_.PostRx(8, 1 + Random(200));
      worked = guest_.HandleInterrupts() || worked;
      worked = guest_.Transmit(300) || worked;
      for (auto& [key, socket] : guest_.sockets()) {
        socket.finish = true;
        guest_.Consume(key, socket, UINT32_MAX);
      }
      for (auto& entry : ends_) {
        entry.second.finish = true;
        worked = Write(entry, 10'000) || worked;
        worked = Read(entry, 10'000) || worked;
      }
      idle = worked || Moved() != before ? 0 : idle + 1;
    }
  }

  uint64_t Moved() const {
    const VsockStatistics statistics = device_->statistics();
    return statistics.rx_bytes + statistics.tx_bytes;
  }

  void Check() {
    EXPECT_THAT(guest_.complaints, testing::IsEmpty());
    EXPECT_EQ(answered_, asked_);
    for (auto& [key, socket] : guest_.sockets()) {
      SCOPED_TRACE(testing::Message() << key.first << " and " << key.second);
      EXPECT_TRUE(socket.gone);
      if (socket.refused) {
        EXPECT_FALSE(ends_.contains(key));
        continue;
      }
      const HostEnd& end = ends_[key];
      EXPECT_EQ(socket.received, end.written);
      EXPECT_EQ(end.written, end.goal);
      EXPECT_EQ(end.read, socket.sent);
      EXPECT_EQ(socket.sent, socket.goal);
      EXPECT_TRUE(end.saw_end);
    }
    EXPECT_EQ(device_->statistics().open, 0u);
    EXPECT_EQ(fake_.harness().driver(FakeGuest::kTx).in_flight(), 0u);
    EXPECT_FALSE(fake_.harness().interrupt().failed());
    EXPECT_GT(Moved(), 0u);
  }

  std::mt19937 random_;
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  std::unique_ptr<VsockDevice> device_;
  FakeGuest fake_;
  ModelGuest guest_;
  std::map<Key, HostEnd> ends_;
  uint32_t next_id_ = 1;
  int asked_ = 0;
  int answered_ = 0;
};

class VsockModelTest : public ::testing::TestWithParam<bool> {};

TEST_P(VsockModelTest, EveryByteArrivesAndEverythingEnds) {
  for (uint32_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Model(seed, GetParam()).Run(3000);
    if (HasFailure()) {
      return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EventIndex, VsockModelTest, ::testing::Bool());

}  // namespace
}  // namespace vmtest::vsock
