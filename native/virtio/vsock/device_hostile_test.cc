// What a broken or hostile guest may try, and what many connections do to each other.
#include <sys/resource.h>

#include <functional>
#include <map>

#include "virtio/vsock/device_fixture.h"

namespace vmtest::vsock {
namespace {

class VsockHostileTest : public VsockDeviceTest {};

TEST_F(VsockHostileTest, PacketsThatMakeNoSense) {
  struct Case {
    const char* name;
    std::function<void(Header&)> change;  // of an empty RW packet for the open connection
    bool reset;                           // a RST comes back
    uint64_t open;                        // connections afterwards
  };
  const Case cases[] = {
      {"none", [](Header&) {}, false, 1},
      {"another source", [](Header& h) { h.src_cid = 4; }, false, 1},
      {"the host as source", [](Header& h) { h.src_cid = kHostCid; }, false, 1},
      {"another destination", [](Header& h) { h.dst_cid = 1; }, true, 1},
      {"itself as destination", [](Header& h) { h.dst_cid = kGuestCid; }, true, 1},
      {"seqpacket", [](Header& h) { h.type = 2; }, true, 1},
      {"type 0", [](Header& h) { h.type = 0; }, true, 1},
      {"another host port", [](Header& h) { h.dst_port = 81; }, true, 1},
      {"another guest port", [](Header& h) { h.src_port = 8; }, true, 1},
      {"request again", [](Header& h) { h.op = Op::kRequest; }, true, 0},
      {"response", [](Header& h) { h.op = Op::kResponse; }, true, 0},
      {"operation 0", [](Header& h) { h.op = Op::kInvalid; }, true, 0},
      {"operation 8", [](Header& h) { h.op = static_cast<Op>(8); }, true, 0},
      {"operation 65535", [](Header& h) { h.op = static_cast<Op>(65535); }, true, 0},
      {"payload that is not there", [](Header& h) { h.len = 1; }, true, 0},
      {"4 GiB of payload", [](Header& h) { h.len = UINT32_MAX; }, true, 0},
      {"lost payload elsewhere",
       [](Header& h) {
         h.len = 1;
         h.dst_port = 81;
       },
       true, 1},
      {"lost payload of a liar",
       [](Header& h) {
         h.len = 1;
         h.src_cid = 9;
       },
       false, 1},
      {"reset", [](Header& h) { h.op = Op::kReset; }, false, 0},
      {"reset with a length",
       [](Header& h) {
         h.op = Op::kReset;
         h.len = 5;
       },
       false, 0},
      {"reset elsewhere",
       [](Header& h) {
         h.op = Op::kReset;
         h.dst_port = 81;
       },
       false, 1},
      {"reset of another type",
       [](Header& h) {
         h.op = Op::kReset;
         h.type = 7;
       },
       false, 1},
      {"acknowledged from the future", [](Header& h) { h.fwd_cnt = 1; }, true, 0},
      {"every shutdown flag",
       [](Header& h) {
         h.op = Op::kShutdown;
         h.flags = UINT32_MAX;
       },
       true, 0},
      {"unknown shutdown flags",
       [](Header& h) {
         h.op = Op::kShutdown;
         h.flags = ~kShutdownBoth;
       },
       false, 1},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Start();
    Open();
    guest_->PostRx(4);
    Header header = FakeGuest::To(kPort, kPeer, Op::kReadWrite);
    c.change(header);
    guest_->Send(header);
    Settle();
    const auto packets = guest_->Receive();
    EXPECT_EQ(packets.size(), c.reset ? 1u : 0u);
    if (c.reset && packets.size() == 1) {
      const Header& reply = packets[0].header;
      EXPECT_EQ(reply.op, Op::kReset);
      EXPECT_EQ(reply.src_cid, header.dst_cid);
      EXPECT_EQ(reply.dst_cid, kGuestCid);
      EXPECT_EQ(reply.src_port, header.dst_port);
      EXPECT_EQ(reply.dst_port, header.src_port);
      EXPECT_EQ(reply.type, header.type);
    }
    EXPECT_EQ(device_->statistics().open, c.open);
    EXPECT_TRUE(guest_->Reclaim());
    EXPECT_FALSE(guest_->harness().interrupt().failed());
    host_.accepted.clear();
  }
}

TEST_F(VsockHostileTest, ShortChainsAreDropped) {
  Start();
  DriverQueue& tx = guest_->harness().driver(FakeGuest::kTx);
  const HeaderBytes bytes = SerialiseHeader(FakeGuest::To(kPort, kPeer, Op::kRequest));
  tx.Chain().Readable(std::span(bytes).first(43)).Publish();
  tx.Chain().Writable(44).Publish();
  tx.Chain().Readable(std::span(bytes).first(0)).Publish();
  guest_->harness().Kick(FakeGuest::kTx);
  EXPECT_EQ(tx.TakeAllUsed().size(), 3u);
  EXPECT_EQ(device_->statistics().malformed, 3u);
  EXPECT_TRUE(host_.accepted.empty());
}

TEST_F(VsockHostileTest, AHeaderMayBeInPieces) {
  Start();
  guest_->PostRx(1);
  DriverQueue& tx = guest_->harness().driver(FakeGuest::kTx);
  const HeaderBytes bytes = SerialiseHeader(FakeGuest::To(kPort, kPeer, Op::kRequest));
  auto chain = tx.Chain();
  for (size_t i = 0; i < bytes.size(); ++i) {
    chain.Readable(std::span(bytes).subspan(i, 1));
  }
  chain.Publish();
  guest_->harness().Kick(FakeGuest::kTx);
  EXPECT_EQ(Ops(), "2");
  Header data = FakeGuest::To(kPort, kPeer, Op::kReadWrite, 6);
  const HeaderBytes data_bytes = SerialiseHeader(data);
  const std::array<uint8_t, 3> abc = {'a', 'b', 'c'};
  // The header ends inside the second piece, and the payload goes on in a third.
  std::vector<uint8_t> second(data_bytes.begin() + 20, data_bytes.end());
  second.insert(second.end(), abc.begin(), abc.end());
  tx.Chain()
      .Readable(std::span(data_bytes).first(20))
      .Readable(std::span<const uint8_t>(second))
      .Readable(std::span<const uint8_t>(abc))
      .Publish();
  guest_->harness().Kick(FakeGuest::kTx);
  EXPECT_EQ(HostRead(host_.accepted.at(0).stream.get()), "abcabc");
}

TEST_F(VsockHostileTest, PayloadInPiecesThatTheSocketDoesNotTakeWhole) {
  Start({.large_socket_buffer = 1});
  const int host = Open();
  std::string expected;
  for (uint32_t i = 0; i < 3; ++i) {
    std::vector<uint8_t> payload(60'000);
    for (size_t at = 0; at < payload.size(); ++at) {
      payload[at] = static_cast<uint8_t>(at * 31 + (at >> 8) + i);
    }
    expected.append(payload.begin(), payload.end());
    const HeaderBytes bytes = SerialiseHeader(FakeGuest::To(kPort, kPeer, Op::kReadWrite, 60'000));
    auto chain = guest_->harness().driver(FakeGuest::kTx).Chain();
    chain.Readable(std::span<const uint8_t>(bytes));
    for (size_t at = 0; at < payload.size(); at += 1000) {
      chain.Readable(std::span<const uint8_t>(payload).subspan(at, 1000));
    }
    chain.Publish();
    guest_->harness().Kick(FakeGuest::kTx);
  }
  std::string received;
  for (int i = 0; i < 1000 && received.size() < expected.size(); ++i) {
    received += HostRead(host);
    loop_->RunOnce(0);
  }
  EXPECT_TRUE(received == expected);
}

TEST_F(VsockHostileTest, ReceiveBuffersInPieces) {
  Start();
  const int host = Open();
  HostWrite(host, "abcdef");
  auto chain = guest_->harness().driver(FakeGuest::kRx).Chain();
  for (int i = 0; i < 50; ++i) {
    chain.Writable(1);
  }
  chain.Publish();
  guest_->harness().Kick(FakeGuest::kRx);
  Settle();
  const auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].payload, (std::vector<uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST_F(VsockHostileTest, UselessBuffersBreakTheDevice) {
  Start();
  const int host = Open();
  HostWrite(host, "x");
  guest_->harness().driver(FakeGuest::kRx).Chain().Writable(kHeaderSize).Publish();
  guest_->harness().Kick(FakeGuest::kRx);
  Settle();
  EXPECT_TRUE(guest_->harness().interrupt().failed());
  EXPECT_EQ(device_->statistics().open, 0u);
  device_->OnQueueNotify(FakeGuest::kTx);
  Settle();

  Start();
  guest_->harness().driver(FakeGuest::kEvent).Chain().Writable(3).Publish();
  device_->ResetTransport();
  Settle();
  EXPECT_TRUE(guest_->harness().interrupt().failed());
}

TEST_F(VsockHostileTest, ABrokenQueueBreaksTheDevice) {
  for (const uint16_t index : {FakeGuest::kRx, FakeGuest::kTx}) {
    Start();
    const int host = Open();
    HostWrite(host, "x");
    guest_->harness().driver(index).PublishHead(kQueueSize);
    guest_->harness().Kick(index);
    Settle();
    EXPECT_EQ(guest_->harness().interrupt().failures().size(), 1u) << index;
    EXPECT_EQ(HostRead(host).substr(0, 1), "<") << "the host is not left hanging";
    host_.accepted.clear();
    guest_->harness().Reset();
    EXPECT_TRUE(guest_->Activate());
    EXPECT_GE(Open(), 0) << "a reset heals it";
  }
}

TEST_F(VsockHostileTest, OverrunIsReset) {
  Start({.large_buffer = 1000, .large_socket_buffer = 1});
  Open();
  guest_->PostRx(100);
  const std::string block(500, 'x');
  // No credit is looked at: sooner or later it is more than socket and buffer hold.
  for (int i = 0; i < 100 && device_->statistics().open > 0 && device_->statistics().resets == 0;
       ++i) {
    guest_->SendText(FakeGuest::To(kPort, kPeer, Op::kReadWrite), block);
  }
  EXPECT_EQ(device_->statistics().resets, 1u);
  EXPECT_TRUE(Ops().ends_with("3"));
}

TEST_F(VsockHostileTest, RefusalsHoldTheTxQueueBack) {
  Start();
  // Twice what may wait, and no buffer for an answer.
  uint32_t sent = 0;
  for (int round = 0; round < 512; ++round) {
    if (guest_->harness().driver(FakeGuest::kTx).free_descriptors() < 2) {
      break;
    }
    guest_->Send(FakeGuest::To(9, 1000 + sent, Op::kRequest));
    ++sent;
  }
  Settle();
  guest_->Reclaim();
  EXPECT_EQ(guest_->harness().driver(FakeGuest::kTx).in_flight(), sent - 256);
  uint32_t next = 1000;
  for (int round = 0; next < 1000 + sent; ++round) {
    guest_->PostRx(100, 64);
    if (round == 0) {
      guest_->Reclaim();
      EXPECT_EQ(guest_->harness().driver(FakeGuest::kTx).in_flight(), sent - 356)
          << "room for refusals is room for packets, at once";
    }
    const auto packets = guest_->Receive();
    ASSERT_FALSE(packets.empty()) << "held back for ever";
    for (const Packet& packet : packets) {
      EXPECT_EQ(packet.header.op, Op::kReset);
      EXPECT_EQ(packet.header.dst_port, next++);
    }
  }
  guest_->Reclaim();
  EXPECT_EQ(guest_->harness().driver(FakeGuest::kTx).in_flight(), 0u);
}

TEST_F(VsockHostileTest, TooManyConnectionsAreRefused) {
  Start({.max_connections = 3});
  guest_->PostRx(8);
  for (uint32_t peer = 1; peer <= 4; ++peer) {
    guest_->Send(FakeGuest::To(kPort, peer, Op::kRequest));
  }
  EXPECT_EQ(Ops(), "2223");
  std::optional<ErrorCode> code;
  device_->Connect(9, [&](Result<UniqueFd> result) { code = result.error().code; });
  EXPECT_EQ(code, ErrorCode::kBusy);
  guest_->Send(FakeGuest::To(kPort, 1, Op::kReset));
  guest_->Send(FakeGuest::To(kPort, 5, Op::kRequest));
  EXPECT_EQ(Ops(), "2");
}

TEST_F(VsockHostileTest, PromisesAreBounded) {
  Start({.large_buffer = 1000, .small_buffer = 10, .buffer_budget = 2500});
  guest_->PostRx(8);
  for (uint32_t peer = 1; peer <= 4; ++peer) {
    guest_->Send(FakeGuest::To(kPort, peer, Op::kRequest));
  }
  std::vector<uint32_t> promises;
  for (const Packet& packet : guest_->Receive()) {
    promises.push_back(packet.header.buf_alloc);
  }
  EXPECT_EQ(promises, (std::vector<uint32_t>{1000, 1000, 10, 10}));
  guest_->Send(FakeGuest::To(kPort, 1, Op::kReset));
  guest_->Send(FakeGuest::To(kPort, 5, Op::kRequest));
  const auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].header.buf_alloc, 1000u) << "what was promised is free again";
}

TEST_F(VsockHostileTest, WithoutCreditNothingIsSent) {
  Start();
  const int host = Open(kPeer, 10);
  guest_->PostRx(16);
  HostWrite(host, std::string(100, 'x'));
  Settle();
  auto packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[0].payload.size(), 10u);
  EXPECT_EQ(packets[1].header.op, Op::kCreditRequest);
  Header update = FakeGuest::To(kPort, kPeer, Op::kCreditUpdate);
  update.buf_alloc = 5;  // shrunk below what is in flight
  guest_->Send(update);
  EXPECT_EQ(Ops(), "");
  update.fwd_cnt = 8;
  guest_->Send(update);
  packets = guest_->Receive();
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[0].payload.size(), 3u);
}

TEST_F(VsockHostileTest, ConnectionsTakeTurns) {
  Start();
  std::vector<int> hosts;
  for (uint32_t peer = 1; peer <= 3; ++peer) {
    hosts.push_back(Open(peer));
  }
  for (const int host : hosts) {
    HostWrite(host, std::string(1000, 'x'));
  }
  Settle();
  guest_->PostRx(9, 100);
  std::map<uint32_t, int> served;
  for (const Packet& packet : guest_->Receive()) {
    ++served[packet.header.dst_port];
  }
  EXPECT_EQ(served, (std::map<uint32_t, int>{{1, 3}, {2, 3}, {3, 3}}));
}

TEST_F(VsockHostileTest, ACloseWithBytesThatWaitForCreditDoesNotSpin) {
  Start();
  HostWrite(Open(kPeer, 0), "waits");
  host_.accepted.clear();
  guest_->PostRx(8);
  Settle();
  EXPECT_EQ(Ops().find('5'), std::string::npos);
  // A hang-up cannot be masked: watched by level, it would be ready in every round, and this one
  // would not be left to the timer.
  bool expired = false;
  Timer timer = Timer::Create(*loop_, [&] { expired = true; }).value();
  timer.Arm(std::chrono::milliseconds(20));
  loop_->RunOnce(-1);
  EXPECT_TRUE(expired) << "something else was ready";
  guest_->Send(FakeGuest::To(kPort, kPeer, Op::kCreditUpdate));
  Settle();
  EXPECT_EQ(Ops(), "54");
}

// Each connection takes two descriptors of this process.
uint32_t ConnectionsWithinLimit(uint32_t wanted) {
  rlimit limit{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * wanted + 100);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  return std::min<uint32_t>(wanted, static_cast<uint32_t>((limit.rlim_cur - 100) / 2));
}

TEST_F(VsockHostileTest, ThousandsOfConnections) {
  const uint32_t count = ConnectionsWithinLimit(4000);
  Start();
  for (uint32_t peer = 0; peer < count; ++peer) {
    ASSERT_GE(Open(peer), 0) << peer;
  }
  EXPECT_EQ(device_->statistics().open, count);
  DriverQueue& rx = guest_->harness().driver(FakeGuest::kRx);
  std::map<uint32_t, std::string> expected;
  std::map<uint32_t, std::string> received;
  for (auto& accepted : host_.accepted) {
    const std::string text = std::to_string(accepted.peer_port);
    HostWrite(accepted.stream.get(), text);
    guest_->SendText(FakeGuest::To(kPort, accepted.peer_port, Op::kReadWrite), text);
    EXPECT_EQ(HostRead(accepted.stream.get()), text);
    expected[accepted.peer_port] = text;
  }
  for (int i = 0; i < 1000 && received.size() < count; ++i) {
    guest_->PostRx(static_cast<int>(rx.free_descriptors() / 2), 32);
    loop_->RunOnce(0);
    for (const Packet& packet : guest_->Receive()) {
      received[packet.header.dst_port].append(packet.payload.begin(), packet.payload.end());
    }
  }
  EXPECT_EQ(received, expected);
  host_.accepted.clear();
  while (device_->statistics().open > 0) {
    const int free = static_cast<int>(rx.free_descriptors() / 2);
    if (free > 0) {
      guest_->PostRx(free, 32);
    }
    loop_->RunOnce(0);
    for (const Packet& packet : guest_->Receive()) {
      if (packet.header.op == Op::kShutdown && packet.header.flags == kShutdownBoth) {
        guest_->Send(FakeGuest::To(kPort, packet.header.dst_port, Op::kReset));
      }
    }
  }
  EXPECT_EQ(device_->statistics().resets, 0u);
}

}  // namespace
}  // namespace vmtest::vsock
