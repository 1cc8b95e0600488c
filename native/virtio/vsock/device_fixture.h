// The vsock device with a fake guest and a fake host around it, for its tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>

#include "virtio/vsock/fake_guest.h"

namespace vmtest::vsock {

class VsockDeviceTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kPort = 80;
  static constexpr uint32_t kPeer = 7;
  static constexpr uint16_t kQueueSize = 256;

  void Start(const VsockOptions& options = {}) {
    guest_.reset();
    device_ = VsockDevice::Create(*loop_, host_, options).value();
    guest_ = std::make_unique<FakeGuest>(
        *device_, DeviceHarness::Options{.queue_size = kQueueSize, .event_index = true});
    ASSERT_TRUE(guest_->Activate());
    ASSERT_TRUE(device_->Listen(kPort).has_value());
  }

  // Serves the loop until nothing is ready any more. All that the tests wait for happens at once.
  void Settle() {
    for (int i = 0; i < 8; ++i) {
      loop_->RunOnce(0);
    }
  }

  // Opens a connection from the guest and returns the host's end. Leaves the rx queue with what
  // buffers it had, less one.
  int Open(uint32_t peer = kPeer, uint32_t buf_alloc = 1 << 20) {
    Header request = FakeGuest::To(kPort, peer, Op::kRequest);
    request.buf_alloc = buf_alloc;
    guest_->Send(request);
    guest_->PostRx(1);
    const auto packets = guest_->Receive();
    EXPECT_EQ(packets.size(), 1u);
    if (!packets.empty()) {
      EXPECT_EQ(packets[0].header.op, Op::kResponse);
    }
    return host_.accepted.empty() ? -1 : host_.accepted.back().stream.get();
  }

  // Connects from the host and answers as a listening guest. Returns the host's port.
  uint32_t Connect(uint32_t port, UniqueFd& stream) {
    device_->Connect(port, [&stream](Result<UniqueFd> result) {
      ASSERT_TRUE(result.has_value());
      stream = std::move(*result);
    });
    guest_->PostRx(1);
    Settle();
    const auto packets = guest_->Receive();
    EXPECT_EQ(packets.size(), 1u);
    const uint32_t host_port = packets.empty() ? 0 : packets[0].header.src_port;
    guest_->Send(FakeGuest::To(host_port, port, Op::kResponse));
    return host_port;
  }

  // The ops that have arrived, as digits.
  std::string Ops() {
    std::string ops;
    for (const Packet& packet : guest_->Receive()) {
      ops += std::to_string(static_cast<int>(packet.header.op));
    }
    return ops;
  }

  static void HostWrite(int fd, std::string_view text) {
    ASSERT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
  }
  // What is there now. "<end>" is added at the end of the stream, "<errno>" for an error.
  static std::string HostRead(int fd) {
    std::string text;
    std::vector<char> buffer(65536);
    for (;;) {
      const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size > 0) {
        text.append(buffer.data(), static_cast<size_t>(size));
      } else {
        if (size == 0) {
          text += "<end>";
        } else if (errno != EAGAIN) {
          text.append("<").append(std::to_string(errno)).append(">");
        }
        return text;
      }
    }
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  FakeHost host_;
  std::unique_ptr<VsockDevice> device_;
  std::unique_ptr<FakeGuest> guest_;
};

}  // namespace vmtest::vsock
