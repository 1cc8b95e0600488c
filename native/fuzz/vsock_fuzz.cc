// Anything a guest may write into the vsock device's queues, mixed with what the host may do on its
// side of the streams: packets with any header, chains of any shape, buffers of any size, closes,
// half-closes, pauses and resets. The device must not crash, hang, or keep what it should not.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "virtio/vsock/fake_guest.h"

namespace vmtest::vsock {
namespace {

// One guest, one host, and the input as their script.
class Session {
 public:
  explicit Session(Input input)
      : input_(input),
        device_(VsockDevice::Create(*loop_, host_,
                                    {.max_connections = 6,
                                     .large_buffer = 2000,
                                     .small_buffer = 100,
                                     .buffer_budget = 5000,
                                     .large_socket_buffer = 1,
                                     .small_socket_buffer = 1})
                    .value()),
        guest_(*device_, {.queue_size = 32,
                          .event_index = (input_.Byte() & 1) != 0,
                          .area = uint64_t{1} << 17}) {
    static_cast<void>(device_->Listen(1));
    static_cast<void>(device_->Listen(2));
    VMTEST_CHECK(guest_.Activate());
  }

  void Run() {
    while (!input_.empty()) {
      Step();
      const VsockStatistics statistics = device_->statistics();
      VMTEST_CHECK(statistics.open <= 6);
    }
    // Whatever happened, a reset ends it: nothing is open but what the host has yet to read.
    device_->Resume();
    guest_.harness().Reset();
    host_.accepted.clear();
    connected_.clear();
    for (int i = 0; i < 4; ++i) {
      loop_->RunOnce(0);
    }
    VMTEST_CHECK(device_->statistics().open == 0);
  }

 private:
  void Step() {
    const uint8_t action = input_.Byte();
    switch (action % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        SendPacket(action);
        break;
      case 5:
      case 6:
        PostRx();
        break;
      case 7:
        ConsiderAnswers();
        break;
      case 8:
        HostWrite();
        break;
      case 9:
        HostRead();
        break;
      case 10:
        HostShutdown(action);
        break;
      case 11:
        device_->Connect(input_.Byte() % 8, [this](Result<UniqueFd> result) {
          if (result) {
            connected_.push_back(std::move(*result));
          }
        });
        break;
      case 12:
        (action & 16) != 0 ? device_->Pause() : device_->Resume();
        break;
      case 13:
        Uncommon(action);
        break;
      default:
        loop_->RunOnce(0);
        break;
    }
  }

  // A header that is mostly right, with some of it replaced by anything.
  void SendPacket(uint8_t action) {
    DriverQueue& tx = guest_.harness().driver(FakeGuest::kTx);
    tx.TakeAllUsed();
    if (tx.free_descriptors() < 4) {
      return;
    }
    const uint8_t ports = input_.Byte();
    Header header = FakeGuest::To(1 + (ports & 1), uint32_t{ports} >> 1 & 7,
                                  static_cast<Op>(input_.Byte() % 9));
    if ((ports & 0x80) != 0) {
      header.dst_port = (uint32_t{1} << 30) + (ports >> 4 & 7);  // where our connects come from
    }
    const auto payload = input_.Take(input_.Byte());
    header.len = static_cast<uint32_t>(payload.size());
    header.buf_alloc = uint32_t{input_.Byte()} << (input_.Byte() % 32);
    header.fwd_cnt = input_.Byte();
    header.flags = input_.Byte();
    HeaderBytes bytes = SerialiseHeader(header);
    if ((action & 16) != 0) {
      const auto noise = input_.Take(4);
      std::ranges::copy(noise, bytes.begin() + input_.Byte() % (kHeaderSize - 4));
    }
    const size_t cut = (action & 32) != 0 ? input_.Byte() % (kHeaderSize + 1) : kHeaderSize;
    auto chain = tx.Chain();
    chain.Readable(std::span(bytes).first(cut));
    if ((action & 64) == 0) {
      chain.Readable(std::span(bytes).subspan(cut));
    }
    chain.Readable(payload);
    chain.Publish();
    guest_.harness().Kick(FakeGuest::kTx);
  }

  void PostRx() {
    DriverQueue& rx = guest_.harness().driver(FakeGuest::kRx);
    const uint32_t count = input_.Byte() % 8;
    const uint32_t size = input_.Byte();
    for (uint32_t i = 0; i < count && rx.free_descriptors() >= 2; ++i) {
      rx.Chain().Writable(size / 2).Writable(kHeaderSize + size).Publish();
    }
    guest_.harness().Kick(FakeGuest::kRx);
  }

  // What arrived must be well formed, unless we have lied about which buffers are ours to give: the
  // same buffer is then used twice. A REQUEST is sometimes accepted.
  void ConsiderAnswers() {
    for (const Packet& packet : guest_.Receive()) {
      if (honest_rings_) {
        VMTEST_CHECK(packet.header.len == packet.payload.size());
        VMTEST_CHECK(packet.header.dst_cid == kGuestCid);
      }
      DriverQueue& tx = guest_.harness().driver(FakeGuest::kTx);
      tx.TakeAllUsed();
      if (packet.header.op == Op::kRequest && tx.free_descriptors() > 0) {
        guest_.Send(FakeGuest::To(packet.header.src_port, packet.header.dst_port,
                                  (input_.Byte() & 1) != 0 ? Op::kResponse : Op::kReset));
      }
    }
  }

  // Some stream in the host's hands, or -1.
  UniqueFd* AnyStream() {
    const size_t count = host_.accepted.size() + connected_.size();
    if (count == 0) {
      return nullptr;
    }
    const size_t index = input_.Byte() % count;
    return index < host_.accepted.size() ? &host_.accepted[index].stream
                                         : &connected_[index - host_.accepted.size()];
  }

  void HostWrite() {
    if (const UniqueFd* stream = AnyStream(); stream != nullptr && stream->valid()) {
      const std::vector<uint8_t> bytes(size_t{input_.Byte()} * 16 + 1, 0x5a);
      ::send(stream->get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  }

  void HostRead() {
    if (const UniqueFd* stream = AnyStream(); stream != nullptr && stream->valid()) {
      std::vector<uint8_t> bytes(size_t{input_.Byte()} * 16 + 1);
      static_cast<void>(::recv(stream->get(), bytes.data(), bytes.size(), MSG_DONTWAIT));
    }
  }

  void HostShutdown(uint8_t action) {
    UniqueFd* stream = AnyStream();
    if (stream == nullptr || !stream->valid()) {
      return;
    }
    switch (action >> 4 & 3) {
      case 0:
        ::shutdown(stream->get(), SHUT_WR);
        break;
      case 1:
        ::shutdown(stream->get(), SHUT_RD);
        break;
      default:
        stream->Reset();
        break;
    }
  }

  void Uncommon(uint8_t action) {
    switch (action >> 4) {
      case 0:
        honest_rings_ = false;
        guest_.harness().driver(input_.Byte() & 1).PublishHead(input_.Byte());
        guest_.harness().Kick(FakeGuest::kRx);
        guest_.harness().Kick(FakeGuest::kTx);
        break;
      case 1:
        honest_rings_ = false;
        guest_.harness().driver(input_.Byte() & 1).WriteAvailIndex(input_.Byte());
        device_->OnQueueNotify(input_.Byte());
        break;
      case 2:
      case 3:
        device_->ResetTransport();
        break;
      case 4:
      case 5:
        if (DriverQueue& events = guest_.harness().driver(FakeGuest::kEvent);
            events.free_descriptors() > 0) {
          events.Chain().Writable(input_.Byte() % 8).Publish();
          guest_.harness().Kick(FakeGuest::kEvent);
          events.TakeAllUsed();
        }
        break;
      case 6:
        device_->Unlisten(1);
        break;
      case 7:
        static_cast<void>(device_->Listen(1));
        break;
      case 8:
      case 9:
        guest_.harness().Reset();
        VMTEST_CHECK(guest_.Activate());
        honest_rings_ = true;
        break;
      default:
        device_->OnQueueNotify(input_.Byte());
        break;
    }
  }

  Input input_;
  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  FakeHost host_;
  std::vector<UniqueFd> connected_;
  std::unique_ptr<VsockDevice> device_;
  FakeGuest guest_;
  bool honest_rings_ = true;
};

}  // namespace
}  // namespace vmtest::vsock

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vmtest::vsock::Session(vmtest::Input({data, size})).Run();
  return 0;
}
