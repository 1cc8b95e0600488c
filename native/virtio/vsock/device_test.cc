// The ordinary life of the vsock device.
#include "virtio/vsock/device.h"

#include "virtio/vsock/device_fixture.h"

namespace vmtest::vsock {
namespace {

std::string Text(const Packet& packet) { return {packet.payload.begin(), packet.payload.end()}; }

TEST_F(VsockDeviceTest, TellsTheGuestItsCid) {
  Start();
  std::array<uint8_t, 10> config;
  config.fill(0xff);
  device_->ReadConfig(0, config);
  EXPECT_EQ(config, (std::array<uint8_t, 10>{3, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  std::array<uint8_t, 1> odd{0xff};
  device_->ReadConfig(UINT64_MAX, odd);
  EXPECT_EQ(odd[0], 0);
}

TEST_F(VsockDeviceTest, BytesGoBothWays) {
  Start();
  const int host = Open();
  ASSERT_EQ(host_.accepted.size(), 1u);
  EXPECT_EQ(host_.accepted[0].port, kPort);
  EXPECT_EQ(host_.accepted[0].peer_port, kPeer);
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "from the guest");
  EXPECT_EQ(HostRead(host), "from the guest");

  HostWrite(host, "from the host");
  Settle();
  EXPECT_TRUE(guest_->Receive().empty()) << "there is no buffer";
  guest_->PostRx(4);
  const auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.op, Op::kReadWrite);
  EXPECT_EQ(packets[0].header.fwd_cnt, 14u);
  EXPECT_EQ(Text(packets[0]), "from the host");
  EXPECT_TRUE(guest_->Reclaim());
  const VsockStatistics statistics = device_->statistics();
  EXPECT_EQ(statistics.connections, 1u);
  EXPECT_EQ(statistics.rx_bytes, 13u);
  EXPECT_EQ(statistics.tx_bytes, 14u);
  EXPECT_EQ(statistics.resets, 0u);
}

TEST_F(VsockDeviceTest, TheHostConnects) {
  Start();
  UniqueFd stream;
  const uint32_t host_port = Connect(1234, stream);
  ASSERT_TRUE(stream.valid());
  EXPECT_GE(host_port, 1u << 30);
  guest_->SendText(FakeGuest::To(host_port, 1234, Op::kReadWrite), "hello");
  EXPECT_EQ(HostRead(stream.get()), "hello");
  UniqueFd second;
  EXPECT_NE(Connect(1234, second), host_port);
}

TEST_F(VsockDeviceTest, ARefusedConnectIsNotFound) {
  Start();
  std::optional<ErrorCode> code;
  device_->Connect(9, [&](Result<UniqueFd> result) { code = result.error().code; });
  guest_->PostRx(1);
  Settle();
  const auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.op, Op::kRequest);
  guest_->Send(FakeGuest::To(packets[0].header.src_port, 9, Op::kReset));
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_EQ(device_->statistics().open, 0u);
}

TEST_F(VsockDeviceTest, AConnectHasADeadline) {
  Start({.connect_timeout = std::chrono::milliseconds(1)});
  std::optional<ErrorCode> code;
  device_->Connect(9, [&](Result<UniqueFd> result) { code = result.error().code; });
  guest_->PostRx(2);
  while (!code) {
    loop_->RunOnce(-1);
  }
  EXPECT_EQ(code, ErrorCode::kNotFound);
  EXPECT_EQ(Ops(), "13") << "the guest must not take it for open later";
}

TEST_F(VsockDeviceTest, AConnectNeedsADriver) {
  Start();
  guest_->harness().Reset();
  std::optional<ErrorCode> code;
  device_->Connect(9, [&](Result<UniqueFd> result) { code = result.error().code; });
  EXPECT_EQ(code, ErrorCode::kWrongState);
}

TEST_F(VsockDeviceTest, NobodyListensAfterUnlisten) {
  Start();
  EXPECT_EQ(device_->Listen(kPort).error().code, ErrorCode::kBusy);
  EXPECT_EQ(device_->Listen(UINT32_MAX).error().code, ErrorCode::kInvalidArgument);
  device_->Unlisten(kPort);
  guest_->PostRx(1);
  guest_->Send(FakeGuest::To(kPort, kPeer, Op::kRequest));
  EXPECT_EQ(Ops(), "3");
  EXPECT_TRUE(host_.accepted.empty());
}

TEST_F(VsockDeviceTest, HalfClosesTravelBothWays) {
  Start();
  const int host = Open();
  guest_->PostRx(8);
  Header shutdown = FakeGuest::To(kPort, kPeer, Op::kShutdown);
  shutdown.flags = kShutdownSend;
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "last");
  guest_->Send(shutdown);
  EXPECT_EQ(HostRead(host), "last<end>");
  HostWrite(host, "answer");
  ::shutdown(host, SHUT_WR);
  Settle();
  const auto packets = guest_->Receive();
  ASSERT_GE(packets.size(), 2u);
  EXPECT_EQ(Text(packets[0]), "answer");
  EXPECT_EQ(packets.back().header.op, Op::kShutdown);
  EXPECT_EQ(packets.back().header.flags, kShutdownBoth) << "nothing can flow any more";
  guest_->Send(FakeGuest::To(kPort, kPeer, Op::kReset));
  EXPECT_EQ(device_->statistics().open, 0u);
  EXPECT_EQ(device_->statistics().resets, 0u) << "that was a clean end";
}

TEST_F(VsockDeviceTest, TheHostsHalfCloseLeavesTheOtherDirectionOpen) {
  Start();
  const int host = Open();
  guest_->PostRx(8);
  ::shutdown(host, SHUT_WR);
  Settle();
  const auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.flags, kShutdownSend);
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "still here");
  EXPECT_EQ(HostRead(host), "still here");
}

TEST_F(VsockDeviceTest, AHostThatReadsNoMoreIsTold) {
  Start();
  const int host = Open();
  guest_->PostRx(8);
  ::shutdown(host, SHUT_RD);
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "too late");
  Settle();
  auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.flags, kShutdownReceive);
  HostWrite(host, "but I can write");
  Settle();
  packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(Text(packets[0]), "but I can write");
}

TEST_F(VsockDeviceTest, TheHostClosesAndTheGuestAgrees) {
  Start();
  HostWrite(Open(), "bye");
  host_.accepted.clear();
  guest_->PostRx(8);
  Settle();
  std::string text;
  uint32_t flags = 0;
  for (const Packet& packet : guest_->Receive()) {
    text += Text(packet);
    flags |= packet.header.flags;
  }
  EXPECT_EQ(text, "bye") << "what was written before the close arrives";
  EXPECT_EQ(flags, kShutdownBoth);
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "on its way when you left");
  EXPECT_EQ(device_->statistics().open, 1u);
  guest_->Send(FakeGuest::To(kPort, kPeer, Op::kReset));
  EXPECT_EQ(device_->statistics().open, 0u);
}

TEST_F(VsockDeviceTest, AGuestThatDoesNotAgreeIsResetInTheEnd) {
  Start({.close_timeout = std::chrono::milliseconds(1)});
  Open();
  host_.accepted.clear();
  guest_->PostRx(8);
  while (device_->statistics().open > 0) {
    loop_->RunOnce(-1);
  }
  EXPECT_TRUE(Ops().ends_with("43"));
}

TEST_F(VsockDeviceTest, TheGuestClosesCleanly) {
  Start();
  const int host = Open();
  guest_->PostRx(8);
  HostWrite(host, "never read");
  Header shutdown = FakeGuest::To(kPort, kPeer, Op::kShutdown);
  shutdown.flags = kShutdownBoth;
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "last");
  guest_->Send(shutdown);
  EXPECT_TRUE(Ops().ends_with("3"));
  EXPECT_EQ(HostRead(host), "last<end>");
  EXPECT_EQ(device_->statistics().open, 0u);
  EXPECT_EQ(device_->statistics().resets, 0u);
}

TEST_F(VsockDeviceTest, AResetDeliversWhatWasAccepted) {
  Start({.large_socket_buffer = 1});
  const int host = Open();
  const std::string block(32768, 'x');
  size_t sent = 0;
  for (int i = 0; i < 8; ++i) {  // all that was promised, and far more than the socket takes
    guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), block);
    sent += block.size();
  }
  guest_->Send(FakeGuest::To(kPort, kPeer, Op::kReset));
  const VsockStatistics statistics = device_->statistics();
  EXPECT_EQ(statistics.open, 1u) << "it drains";
  std::string received;
  for (int i = 0; i < 100 && !received.ends_with("<end>"); ++i) {
    received += HostRead(host);
    Settle();
  }
  ASSERT_TRUE(received.ends_with("<end>"));
  EXPECT_EQ(received.size() - 5, sent);
  EXPECT_EQ(device_->statistics().open, 0u);
}

TEST_F(VsockDeviceTest, ADeviceResetForgetsButDelivers) {
  Start();
  const int host = Open();
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "before");
  std::optional<ErrorCode> code;
  device_->Connect(9, [&](Result<UniqueFd> result) { code = result.error().code; });
  guest_->harness().Reset();
  EXPECT_EQ(code, ErrorCode::kWrongState);
  EXPECT_EQ(HostRead(host), "before<end>");
  EXPECT_EQ(device_->statistics().open, 0u);
  ASSERT_TRUE(guest_->Activate());
  EXPECT_GE(Open(), 0) << "the port is still listened on";
}

TEST_F(VsockDeviceTest, NothingMovesDuringAPause) {
  Start();
  const int host = Open();
  guest_->PostRx(8);
  device_->Pause();
  HostWrite(host, "a");
  ::shutdown(host, SHUT_WR);
  guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), "b");
  Settle();
  EXPECT_EQ(Ops(), "");
  EXPECT_EQ(HostRead(host), "");
  device_->Resume();
  EXPECT_EQ(Ops(), "54");
  EXPECT_EQ(HostRead(host), "b");
}

TEST_F(VsockDeviceTest, ADeadlineStandsStillDuringAPause) {
  Start({.connect_timeout = std::chrono::nanoseconds(1)});
  bool called = false;
  device_->Connect(9, [&](const Result<UniqueFd>&) { called = true; });
  device_->Pause();
  Settle();
  EXPECT_FALSE(called);
  device_->Resume();
  while (!called) {
    loop_->RunOnce(-1);
  }
}

TEST_F(VsockDeviceTest, TransportResetTellsTheGuest) {
  Start();
  const int host = Open();
  device_->ResetTransport();
  Settle();
  EXPECT_EQ(HostRead(host), "<end>");
  DriverQueue& events = guest_->harness().driver(FakeGuest::kEvent);
  EXPECT_FALSE(events.HasUsed());
  events.Chain().Writable(8).Publish();
  guest_->harness().Kick(FakeGuest::kEvent);
  const auto used = events.TakeUsed();
  ASSERT_TRUE(used.has_value());
  EXPECT_EQ(used->length, 4u);
  EXPECT_EQ(used->writable, (std::vector<uint8_t>{0, 0, 0, 0, 0xee, 0xee, 0xee, 0xee}));
  EXPECT_EQ(guest_->harness().interrupt().TakeQueueSignals(FakeGuest::kEvent), 1);
}

TEST_F(VsockDeviceTest, ARestoredDeviceResetsTheTransport) {
  Start();
  StateWriter writer;
  device_->Save(writer);
  guest_.reset();
  device_ = VsockDevice::Create(*loop_, host_).value();
  StateReader reader(writer.bytes());
  device_->Load(reader);
  ASSERT_TRUE(reader.AtEnd());
  guest_ = std::make_unique<FakeGuest>(*device_, DeviceHarness::Options{});
  ASSERT_TRUE(guest_->Activate());
  DriverQueue& events = guest_->harness().driver(FakeGuest::kEvent);
  events.Chain().Writable(4).Publish();
  guest_->harness().Kick(FakeGuest::kEvent);
  EXPECT_TRUE(events.HasUsed());

  const std::array<uint8_t, 1> unknown = {9};
  StateReader bad(unknown);
  VsockDevice::Create(*loop_, host_).value()->Load(bad);
  EXPECT_FALSE(bad.ok());
}

TEST_F(VsockDeviceTest, LargeBuffersAreFilledWhole) {
  Start();
  const int host = Open();
  HostWrite(host, std::string(100'000, 'x'));
  Settle();
  guest_->PostRx(1, 70'000);
  guest_->PostRx(1, 4096);
  guest_->PostRx(1, 70'000);
  const auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_EQ(packets[0].payload.size(), kMaxPayload);
  EXPECT_EQ(packets[1].payload.size(), 4096u);
  EXPECT_EQ(packets[2].payload.size(), 100'000u - kMaxPayload - 4096);
}

TEST_F(VsockDeviceTest, OneInterruptForABatch) {
  Start();
  const int host = Open();
  guest_->PostRx(100, 100);
  HostWrite(host, std::string(5000, 'x'));
  guest_->harness().interrupt().TakeQueueSignals(FakeGuest::kRx);
  Settle();
  EXPECT_EQ(guest_->Receive().size(), 50u);
  EXPECT_EQ(guest_->harness().interrupt().TakeQueueSignals(FakeGuest::kRx), 1);
}

}  // namespace
}  // namespace vmtest::vsock
