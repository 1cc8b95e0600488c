// The ordinary life of a back-end.
#include "vhost_user/backend.h"

#include "vhost_user/backend_fixture.h"

namespace vmtest::vhost_user {
namespace {

std::string Text(const vsock::Packet& packet) {
  return {packet.payload.begin(), packet.payload.end()};
}

TEST_F(BackendTest, NegotiatesAsQemuDoes) {
  front_->Send(RequestType::kGetFeatures);
  Settle();
  EXPECT_EQ(front_->Receive(), FormatNumber(RequestType::kGetFeatures, 0x1'7000'0001));
  front_->Send(RequestType::kGetProtocolFeatures);
  Settle();
  EXPECT_EQ(front_->Receive(), FormatNumber(RequestType::kGetProtocolFeatures, 0x2208));
  front_->Send(RequestType::kSetOwner);
  StateWriter config;
  for (const uint32_t word : {0u, 8u, 0u, 0u, 0u}) {
    config.U32(word);
  }
  front_->Send(RequestType::kGetConfig, config);
  Settle();
  const std::array<uint8_t, 8> cid{3};
  EXPECT_EQ(front_->Receive(), FormatConfig({.offset = 0, .size = 8, .flags = 0}, cid));
  EXPECT_EQ(events_.ends, 0);
}

TEST_F(BackendTest, AcknowledgesWhenAskedAndNegotiated) {
  constexpr uint32_t kNeedReply = 9;
  front_->Send(RequestType::kSetOwner, {}, {}, kNeedReply);
  Settle();
  EXPECT_TRUE(front_->Receive().empty()) << "not negotiated";
  front_->Send(RequestType::kSetProtocolFeatures, FakeFrontEnd::Number(kProtocolReplyAck));
  front_->Send(RequestType::kSetOwner, {}, {}, kNeedReply);
  Settle();
  EXPECT_EQ(front_->Receive(), FormatNumber(RequestType::kSetOwner, 0));
  front_->Send(RequestType::kGetFeatures, {}, {}, kNeedReply);
  Settle();
  EXPECT_EQ(front_->Receive().size(), kHeaderSize + 8) << "one answer, not two";
  front_->Send(RequestType::kSetVringNum, FakeFrontEnd::RingNumber(2, 64), {}, kNeedReply);
  Settle();
  EXPECT_EQ(front_->Receive(), FormatNumber(RequestType::kSetVringNum, 1));
  EXPECT_EQ(events_.error->code, ErrorCode::kProtocol);
}

TEST_F(BackendTest, BytesGoBothWays) {
  EXPECT_FALSE(backend_->running());
  Start();
  ASSERT_TRUE(backend_->running());
  front_->call(0).Drain();
  const int host = Open();
  EXPECT_TRUE(front_->call(0).Drain());
  GuestSends(Data(), "from the guest");
  EXPECT_EQ(HostRead(host), "from the guest");
  HostWrite(host, "from the host");
  Settle();
  const auto packets = GuestReceives();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(Text(packets[0]), "from the host");
  const auto counters = backend_->counters();
  ASSERT_EQ(counters.size(), 2u);
  EXPECT_EQ(counters[0].pushed, 2u);
  EXPECT_EQ(counters[1].popped, 2u);
  EXPECT_GE(counters[1].notified, 1u);
}

TEST_F(BackendTest, WithoutProtocolFeaturesRingsNeedNoEnabling) {
  front_->Send(RequestType::kSetFeatures,
               FakeFrontEnd::Number(FakeFrontEnd::kAllFeatures & ~kFeatureProtocol));
  front_->SendMemTable();
  front_->SendRing(0, 0);
  front_->SendRing(1, 0);
  Settle();
  EXPECT_TRUE(backend_->running());
}

TEST_F(BackendTest, AStopLosesNothing) {
  Start();
  const int host = Open();
  // On its way in both directions when the rings stop.
  Place(Data(), "before ");
  const auto [rx, tx] = Stop();
  EXPECT_FALSE(backend_->running());
  EXPECT_EQ(rx, 1);
  EXPECT_EQ(tx, 2);
  EXPECT_EQ(HostRead(host), "before ") << "what was sent is delivered: the guest may not come back";
  HostWrite(host, "while stopped");
  Place(Data(), "unseen ");
  Settle();
  EXPECT_TRUE(GuestReceives().empty());
  EXPECT_EQ(HostRead(host), "");

  Start(rx, tx);
  ASSERT_TRUE(backend_->running());
  EXPECT_EQ(HostRead(host), "unseen ") << "without a kick";
  const auto packets = GuestReceives();
  ASSERT_GE(packets.size(), 1u);
  EXPECT_EQ(Text(packets[0]), "while stopped");
  for (int i = 0; i < 300; ++i) {  // rings of 64 turn over
    const auto [r, t] = Stop();
    Start(r, t);
    GuestSends(Data(), ".");
  }
  EXPECT_EQ(HostRead(host), std::string(300, '.'));
  EXPECT_EQ(device_->statistics().resets, 0u);
}

TEST_F(BackendTest, ANewDriverStartsWithoutConnections) {
  Start();
  const int host = Open();
  GuestSends(Data(), "last");
  Stop();
  EXPECT_EQ(HostRead(host), "last");
  EXPECT_EQ(device_->statistics().open, 1u) << "it could still be a stop";
  front_->NewDriver();
  Start();
  EXPECT_TRUE(backend_->running());
  EXPECT_EQ(HostRead(host), "<end>");
  EXPECT_EQ(device_->statistics().open, 0u);
  EXPECT_GE(Open(), 0) << "and the new driver is served";
}

TEST_F(BackendTest, RingsElsewhereAreANewDriver) {
  Start();
  Open();
  Stop();
  front_->Send(RequestType::kSetVringNum, FakeFrontEnd::RingNumber(0, 32));
  front_->Send(RequestType::kSetVringKick, FakeFrontEnd::Number(0), {front_->kick(0).fd()});
  front_->Send(RequestType::kSetVringKick, FakeFrontEnd::Number(1), {front_->kick(1).fd()});
  front_->Send(RequestType::kSetVringEnable, FakeFrontEnd::RingNumber(0, 1));
  front_->Send(RequestType::kSetVringEnable, FakeFrontEnd::RingNumber(1, 1));
  Settle();
  EXPECT_TRUE(backend_->running());
  EXPECT_EQ(device_->statistics().open, 0u);
}

TEST_F(BackendTest, ResetDeviceDropsAtOnce) {
  Start();
  const int host = Open();
  front_->Send(RequestType::kResetDevice);
  Settle();
  EXPECT_EQ(HostRead(host), "<end>");
  EXPECT_FALSE(backend_->running());
  front_->NewDriver();
  Start();
  EXPECT_TRUE(backend_->running());
}

TEST_F(BackendTest, ResetOwnerStopsRingsAndNoMore) {
  Start();
  Open();
  front_->Send(RequestType::kResetOwner);
  Settle();
  EXPECT_FALSE(backend_->running());
  EXPECT_EQ(device_->statistics().open, 1u);
}

TEST_F(BackendTest, MemoryMayBeMappedAnewInFlight) {
  Start();
  const int host = Open();
  Place(Data(), "one ");
  for (const uint64_t pieces : {2u, 4u, 8u, 1u}) {
    front_->Send(RequestType::kSetMemTable, FakeFrontEnd::MemTable(pieces),
                 std::vector<int>(pieces, front_->memory_file()));
    Settle();
    ASSERT_TRUE(backend_->running());
    GuestSends(Data(), "more ");
  }
  EXPECT_EQ(HostRead(host), "one more more more more ");
}

TEST_F(BackendTest, RingsOutsideOfNewMemoryStandStill) {
  Start();
  const int host = Open();
  StateWriter table;
  table.U32(1);
  table.U32(0);
  for (const uint64_t number : {uint64_t{0}, uint64_t{4096}, FakeFrontEnd::kUser, uint64_t{0}}) {
    table.U64(number);
  }
  front_->Send(RequestType::kSetMemTable, table, {front_->memory_file()});
  Settle();
  EXPECT_FALSE(backend_->running());
  ASSERT_EQ(events_.troubles.size(), 1u);
  EXPECT_THAT(events_.troubles[0], ::testing::HasSubstr("outside guest memory"));
  GuestSends(Data(), "waits");
  EXPECT_EQ(HostRead(host), "");
  front_->SendMemTable();
  Settle();
  EXPECT_TRUE(backend_->running());
  EXPECT_EQ(HostRead(host), "waits") << "the connection is what it was";
}

TEST_F(BackendTest, TheLastBytesArriveBeforeTheEnd) {
  Start();
  const int host = Open();
  Place(Data(), "last words");
  front_->Hang();
  Settle();
  EXPECT_EQ(events_.ends, 1);
  EXPECT_FALSE(events_.error.has_value());
  EXPECT_EQ(HostRead(host), "last words<end>");
  EXPECT_FALSE(backend_->running());
  EXPECT_EQ(backend_->counters()[1].popped, 2u) << "counters stay";
}

TEST_F(BackendTest, AttachesOnce) {
  FakeFrontEnd second;
  EXPECT_EQ(backend_->Attach(second.TakeBackEnd()).error().code, ErrorCode::kWrongState);
  RecordingEvents events;
  const auto other = Backend::Create(*loop_, *device_, 2, events).value();
  EXPECT_EQ(other->Attach(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))).error().code,
            ErrorCode::kInvalidArgument);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd far(ends[1]);
  EXPECT_EQ(other->Attach(UniqueFd(ends[0])).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace vmtest::vhost_user
