// Anything that a vhost-user front-end may send: messages in any order, whole, damaged and cut off,
// with descriptors of every kind, while the guest behind it and the host use the device. The
// back-end must not crash, hang, or touch memory that it has given up.
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/check.h"
#include "fuzz/input.h"
#include "vhost_user/backend.h"
#include "vhost_user/fake_front_end.h"
#include "virtio/vsock/fake_guest.h"

namespace vmtest::vhost_user {
namespace {

class Events : public BackendEvents {
 public:
  void OnTrouble(std::string_view) override {}
  void OnEnd(std::optional<Error>) override {
    VMTEST_CHECK(!ended);
    ended = true;
  }

  bool ended = false;
};

class Session {
 public:
  explicit Session(Input input) : input_(input) {
    static_cast<void>(device_->Listen(1));
    VMTEST_CHECK(backend_->Attach(front_.TakeBackEnd()).has_value());
    if ((input_.Byte() & 1) != 0) {
      front_.Start();
      Turn(40);
      VMTEST_CHECK(backend_->running());
    }
  }

  void Run() {
    for (int steps = 0; !input_.empty() && steps < 200; ++steps) {
      Step();
      Turn(2);
      front_.Receive();
    }
    front_.Hang();
    Turn(200);
    VMTEST_CHECK(events_.ended && !backend_->running());
    host_.accepted.clear();
    streams_.clear();
    Turn(8);
    VMTEST_CHECK(device_->statistics().open == 0);
  }

 private:
  void Turn(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      loop_->RunOnce(0);
    }
  }

  void Step() {
    const uint8_t action = input_.Byte();
    switch (action % 16) {
      case 0:
      case 1:
      case 2:
        SendSensible();
        break;
      case 3:
        SendAny();
        break;
      case 4: {
        const auto bytes = input_.Take(input_.Byte());
        front_.SendBytes(bytes, Descriptors());
        break;
      }
      case 5:
        front_.Start(input_.Byte(), input_.Byte());
        Turn(40);
        break;
      case 6:
        front_.Stop();
        Turn(10);
        break;
      case 7:
        SendGuestPacket();
        break;
      case 8:
        if (front_.driver(0).free_descriptors() > 8) {
          front_.driver(0).Chain().Writable(vsock::kHeaderSize).Writable(256).Publish();
        }
        front_.kick(0).Signal();
        break;
      case 9:
        front_.driver(0).TakeAllUsed();
        front_.driver(1).TakeAllUsed();
        break;
      case 10:
        for (const auto& accepted : host_.accepted) {
          ::send(accepted.stream.get(), "hello", 5, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        break;
      case 11:
        device_->Connect(input_.Byte(), [this](Result<UniqueFd> stream) {
          if (stream) {
            streams_.push_back(std::move(*stream));
          }
        });
        break;
      case 12:
        front_.driver(action >> 4 & 1).PublishHead(input_.Byte());
        front_.kick(action >> 4 & 1).Signal();
        break;
      case 13:
        front_.driver(action >> 4 & 1).WriteAvailIndex(input_.Byte());
        break;
      case 14:
        WriteMemory();
        break;
      default:
        front_.kick(action >> 4 & 1).Signal();
        break;
    }
  }

  // One of the messages of a start, out of its order, maybe with other numbers.
  void SendSensible() {
    const uint32_t ring = input_.Byte() % 3;
    const uint32_t real = ring % 2;
    switch (input_.Byte() % 10) {
      case 0:
        front_.Send(RequestType::kSetFeatures, FakeFrontEnd::Number(FakeFrontEnd::kAllFeatures ^
                                                                    uint64_t{input_.Byte()} << 24));
        break;
      case 1: {
        const uint64_t pieces = input_.Byte() % 8 + uint64_t{1};
        front_.Send(RequestType::kSetMemTable, FakeFrontEnd::MemTable(pieces),
                    std::vector<int>(pieces, front_.memory_file()));
        break;
      }
      case 2:
        front_.Send(RequestType::kSetVringNum,
                    FakeFrontEnd::RingNumber(ring, uint32_t{1} << input_.Byte() % 20));
        break;
      case 3:
        front_.Send(RequestType::kSetVringBase, FakeFrontEnd::RingNumber(ring, input_.Byte()));
        break;
      case 4:
        front_.Send(RequestType::kSetVringAddr, front_.Addresses(real));
        break;
      case 5:
        front_.Send(RequestType::kSetVringKick, FakeFrontEnd::Number(ring),
                    {front_.kick(real).fd()});
        break;
      case 6:
        front_.Send(RequestType::kSetVringCall, FakeFrontEnd::Number(ring),
                    {front_.call(real).fd()});
        break;
      case 7:
        front_.Send(RequestType::kSetVringEnable, FakeFrontEnd::RingNumber(ring, 1));
        break;
      case 8:
        front_.Send(RequestType::kGetVringBase, FakeFrontEnd::RingNumber(ring, 0));
        break;
      default:
        front_.Send(RequestType::kResetDevice);
        break;
    }
  }

  // A header that is right before a payload that need not be.
  void SendAny() {
    const auto type = static_cast<RequestType>(input_.Byte() % 40);
    StateWriter payload;
    for (const uint8_t byte : input_.Take(input_.Byte())) {
      payload.U8(byte);
    }
    front_.Send(type, payload, Descriptors(), (input_.Byte() & 1) != 0 ? 9 : 1);
  }

  std::vector<int> Descriptors() {
    const uint8_t choice = input_.Byte();
    const int kinds[] = {front_.memory_file(), front_.kick(0).fd(), front_.call(1).fd(),
                         null_.get(),          unsealed_.get(),     other_.socket()};
    std::vector<int> descriptors;
    for (int i = 0; i < choice % 10; ++i) {
      descriptors.push_back(kinds[(choice / 10 + i) % 6]);
    }
    return descriptors;
  }

  void SendGuestPacket() {
    DriverQueue& driver = front_.driver(1);
    driver.TakeAllUsed();
    if (driver.free_descriptors() < 8) {
      return;
    }
    vsock::Header header = vsock::FakeGuest::To(input_.Byte() % 2, input_.Byte() % 4,
                                                static_cast<vsock::Op>(input_.Byte() % 8));
    const auto payload = input_.Take(input_.Byte() % 64);
    header.len = static_cast<uint32_t>(payload.size());
    const vsock::HeaderBytes bytes = vsock::SerialiseHeader(header);
    auto chain = driver.Chain();
    chain.Readable(std::span<const uint8_t>(bytes));
    if (!payload.empty()) {
      chain.Readable(payload);
    }
    chain.Publish();
    front_.kick(1).Signal();
  }

  // Into the rings, mostly.
  void WriteMemory() {
    const uint64_t at =
        (input_.Byte() & 1) * FakeFrontEnd::kQueueArea + input_.Byte() * uint64_t{16};
    VMTEST_CHECK(front_.memory().WriteBytes(at, input_.Take(input_.Byte() % 32)));
  }

  Input input_;
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  vsock::FakeHost host_;
  std::vector<UniqueFd> streams_;
  std::unique_ptr<VsockDevice> device_ = VsockDevice::Create(*loop_, host_).value();
  Events events_;
  FakeFrontEnd front_;
  UniqueFd null_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  // A socket, but not the front-end's own end: who holds that one never sees it close.
  FakeFrontEnd other_;
  UniqueFd unsealed_ = MakeMemfd(4096, 0);
  std::unique_ptr<Backend> backend_ = Backend::Create(*loop_, *device_, 2, events_).value();
};

}  // namespace
}  // namespace vmtest::vhost_user

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmtest::vhost_user;
  Session(vmtest::Input({data, size})).Run();
  return 0;
}
