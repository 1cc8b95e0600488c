// The vsock device behind a Backend, a fake front-end and a fake host around it, for its tests.
#pragma once

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "vhost_user/backend.h"
#include "vhost_user/fake_front_end.h"
#include "virtio/vsock/fake_guest.h"

namespace vmtest::vhost_user {

class RecordingEvents : public BackendEvents {
 public:
  void OnTrouble(std::string_view message) override { troubles.emplace_back(message); }
  void OnEnd(std::optional<Error> e) override {
    ++ends;
    error = std::move(e);
  }

  std::vector<std::string> troubles;
  int ends = 0;
  std::optional<Error> error;
};

class BackendTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kPort = 1024;
  static constexpr uint32_t kPeer = 77;

  void SetUp() override {
    ASSERT_TRUE(device_->Listen(kPort).has_value());
    Attach();
  }

  // A process of its own for the next case of a table.
  void Attach() {
    events_ = {};
    backend_ = Backend::Create(*loop_, *device_, 2, events_).value();
    front_ = std::make_unique<FakeFrontEnd>();
    ASSERT_TRUE(backend_->Attach(front_->TakeBackEnd()).has_value());
  }

  // Serves the loop until nothing is ready any more. All that the tests wait for happens at once;
  // each round takes one half of a message.
  void Settle() {
    for (int i = 0; i < 64; ++i) {
      loop_->RunOnce(0);
    }
  }

  void Start(uint16_t rx_base = 0, uint16_t tx_base = 0) {
    front_->Start(rx_base, tx_base);
    Settle();
    front_->Receive();
  }
  // The bases that the back-end answers.
  std::pair<uint16_t, uint16_t> Stop() {
    front_->Receive();
    front_->Stop();
    Settle();
    const auto bytes = front_->Receive();
    EXPECT_EQ(bytes.size(), 2 * (kHeaderSize + 8));
    const auto base = [&](size_t at) {
      return at + 1 < bytes.size() ? static_cast<uint16_t>(bytes[at] | bytes[at + 1] << 8)
                                   : uint16_t{0};
    };
    return {base(16), base(36)};
  }

  void Kick(uint32_t ring) {
    front_->kick(ring).Signal();
    Settle();
  }
  // Puts a packet into the tx ring, without a kick.
  void Place(vsock::Header header, std::string_view text = {}) {
    front_->driver(1).TakeAllUsed();
    header.len = static_cast<uint32_t>(text.size());
    const vsock::HeaderBytes bytes = vsock::SerialiseHeader(header);
    auto chain = front_->driver(1).Chain();
    chain.Readable(std::span<const uint8_t>(bytes));
    if (!text.empty()) {
      chain.Readable(
          {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()});
    }
    chain.Publish();
  }
  void GuestSends(const vsock::Header& header, std::string_view text = {}) {
    Place(header, text);
    Kick(1);
  }
  void PostRx(int count) {
    for (int i = 0; i < count; ++i) {
      front_->driver(0).Chain().Writable(vsock::kHeaderSize).Writable(4096).Publish();
    }
    Kick(0);
  }
  std::vector<vsock::Packet> GuestReceives() {
    std::vector<vsock::Packet> packets;
    for (const UsedBuffer& used : front_->driver(0).TakeAllUsed()) {
      packets.push_back(vsock::FakeGuest::PacketOf(used));
    }
    return packets;
  }
  static vsock::Header Data() { return vsock::FakeGuest::To(kPort, kPeer, vsock::Op::kReadWrite); }
  // A connection of the guest; the host's end.
  int Open() {
    PostRx(8);
    GuestSends(vsock::FakeGuest::To(kPort, kPeer, vsock::Op::kRequest));
    const auto packets = GuestReceives();
    EXPECT_EQ(packets.size(), 1u);
    return host_.accepted.empty() ? -1 : host_.accepted.back().stream.get();
  }

  static void HostWrite(int fd, std::string_view text) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
  }
  // What is there now. "<end>" is added at the end of the stream.
  static std::string HostRead(int fd) {
    std::array<char, 4096> buffer{};
    std::string text;
    for (;;) {
      const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size <= 0) {
        return size == 0 ? text + "<end>" : text;
      }
      text.append(buffer.data(), static_cast<size_t>(size));
    }
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  vsock::FakeHost host_;
  std::unique_ptr<VsockDevice> device_ = VsockDevice::Create(*loop_, host_).value();
  RecordingEvents events_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<FakeFrontEnd> front_;
};

}  // namespace vmtest::vhost_user
