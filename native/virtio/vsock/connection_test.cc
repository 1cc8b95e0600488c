#include "virtio/vsock/connection.h"

#include <gtest/gtest.h>

namespace vmtest::vsock {
namespace {

using Verdict = Connection::Verdict;

constexpr uint32_t kPromise = 1000;

Header FromGuest(Op op, uint32_t len = 0) {
  Header header;
  header.src_cid = kGuestCid;
  header.dst_cid = kHostCid;
  header.src_port = 7;
  header.dst_port = 80;
  header.type = kTypeStream;
  header.op = op;
  header.len = len;
  header.buf_alloc = 500;
  return header;
}

Header Shutdown(uint32_t flags) {
  Header header = FromGuest(Op::kShutdown);
  header.flags = flags;
  return header;
}

Connection Open() {
  Connection connection = Connection::FromGuest(FromGuest(Op::kRequest), kPromise);
  connection.Send(Op::kResponse, 0);
  return connection;
}

TEST(VsockConnection, ARequestIsAnsweredFirst) {
  Connection connection = Connection::FromGuest(FromGuest(Op::kRequest), kPromise);
  connection.HostReadable();
  ASSERT_EQ(connection.NextOp(), Op::kResponse);
  const Header response = connection.Send(Op::kResponse, 0);
  EXPECT_EQ(response.src_cid, kHostCid);
  EXPECT_EQ(response.dst_cid, kGuestCid);
  EXPECT_EQ(response.src_port, 80u);
  EXPECT_EQ(response.dst_port, 7u);
  EXPECT_EQ(response.type, kTypeStream);
  EXPECT_EQ(response.buf_alloc, kPromise);
  EXPECT_EQ(response.fwd_cnt, 0u);
  EXPECT_EQ(connection.NextOp(), Op::kReadWrite);
}

TEST(VsockConnection, AConnectWaitsForTheResponse) {
  Connection connection = Connection::ToGuest(80, 7, kPromise);
  EXPECT_EQ(connection.NextOp(), Op::kRequest);
  connection.Send(Op::kRequest, 0);
  EXPECT_EQ(connection.NextOp(), std::nullopt);
  EXPECT_TRUE(connection.connecting());
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kResponse)), Verdict::kEstablished);
  EXPECT_FALSE(connection.connecting());
  EXPECT_EQ(connection.send_credit(), 500u);
}

TEST(VsockConnection, OnlyAResponseEndsConnecting) {
  for (const Op op : {Op::kInvalid, Op::kRequest, Op::kShutdown, Op::kReadWrite, Op::kCreditUpdate,
                      Op::kCreditRequest, static_cast<Op>(99)}) {
    Connection connection = Connection::ToGuest(80, 7, kPromise);
    connection.Send(Op::kRequest, 0);
    EXPECT_EQ(connection.OnPacket(FromGuest(op)), Verdict::kReset) << static_cast<int>(op);
  }
  Connection early = Connection::ToGuest(80, 7, kPromise);
  EXPECT_EQ(early.OnPacket(FromGuest(Op::kResponse)), Verdict::kReset) << "it was not asked yet";
  Connection refused = Connection::ToGuest(80, 7, kPromise);
  refused.Send(Op::kRequest, 0);
  EXPECT_EQ(refused.OnPacket(FromGuest(Op::kReset)), Verdict::kGone);
}

TEST(VsockConnection, WhatOpensDoesNotOpenAgain) {
  for (const Op op : {Op::kInvalid, Op::kRequest, Op::kResponse, static_cast<Op>(8)}) {
    Connection connection = Open();
    EXPECT_EQ(connection.OnPacket(FromGuest(op)), Verdict::kReset) << static_cast<int>(op);
  }
}

TEST(VsockConnection, OverrunIsReset) {
  Connection connection = Open();
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kReadWrite, 600)), Verdict::kData);
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kReadWrite, 401)), Verdict::kReset);
}

TEST(VsockConnection, CreditRequestIsAnswered) {
  Connection connection = Open();
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kReadWrite, 100)), Verdict::kData);
  connection.Forwarded(60);
  EXPECT_EQ(connection.NextOp(), std::nullopt);
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kCreditRequest)), Verdict::kNone);
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kCreditRequest)), Verdict::kNone);
  ASSERT_EQ(connection.NextOp(), Op::kCreditUpdate);
  EXPECT_EQ(connection.Send(Op::kCreditUpdate, 0).fwd_cnt, 60u);
  EXPECT_EQ(connection.NextOp(), std::nullopt) << "one answer is enough";
}

TEST(VsockConnection, AsksForCreditOncePerStall) {
  Connection connection = Open();
  connection.HostReadable();
  connection.Send(Op::kReadWrite, 500);
  ASSERT_EQ(connection.NextOp(), Op::kCreditRequest);
  connection.Send(Op::kCreditRequest, 0);
  EXPECT_EQ(connection.NextOp(), std::nullopt);
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kCreditUpdate)), Verdict::kNone);
  EXPECT_EQ(connection.NextOp(), std::nullopt) << "still nothing: no second question";
  Header update = FromGuest(Op::kCreditUpdate);
  update.fwd_cnt = 100;
  EXPECT_EQ(connection.OnPacket(update), Verdict::kNone);
  ASSERT_EQ(connection.NextOp(), Op::kReadWrite);
  EXPECT_EQ(connection.send_credit(), 100u);
  connection.Send(Op::kReadWrite, 100);
  EXPECT_EQ(connection.NextOp(), Op::kCreditRequest) << "a new stall";
}

TEST(VsockConnection, AnEndOfTheHostIsToldAfterTheData) {
  Connection connection = Open();
  connection.HostReadable();
  EXPECT_EQ(connection.NextOp(), Op::kReadWrite);
  connection.HostFinished();
  ASSERT_EQ(connection.NextOp(), Op::kShutdown);
  EXPECT_EQ(connection.Send(Op::kShutdown, 0).flags, kShutdownSend);
  EXPECT_FALSE(connection.closing());
  EXPECT_EQ(connection.NextOp(), std::nullopt);
}

// What each side says it is done with, in every order, and when the disconnect begins.
TEST(VsockConnection, ShutdownMatrix) {
  struct Case {
    uint32_t guest;
    bool host_finished;
    bool host_takes_no_more;
    uint32_t told;
  };
  const Case cases[] = {
      {0, false, false, 0},
      {0, true, false, kShutdownSend},
      {0, false, true, kShutdownReceive},
      {0, true, true, kShutdownBoth},
      {kShutdownSend, false, false, 0},
      {kShutdownSend, true, false, kShutdownBoth},
      {kShutdownSend, false, true, 0},
      {kShutdownSend, true, true, kShutdownBoth},
      {kShutdownReceive, false, false, 0},
      {kShutdownReceive, true, false, kShutdownSend},
      {kShutdownReceive, false, true, kShutdownBoth},
      {kShutdownReceive, true, true, kShutdownBoth},
  };
  for (const Case& c : cases) {
    for (const bool guest_first : {true, false}) {
      SCOPED_TRACE(testing::Message() << c.guest << c.host_finished << c.host_takes_no_more);
      Connection connection = Open();
      const auto guest = [&] {
        if (c.guest != 0) {
          EXPECT_EQ(connection.OnPacket(Shutdown(c.guest)), Verdict::kShutdown);
        }
      };
      if (guest_first) {
        guest();
      }
      if (c.host_finished) {
        connection.HostFinished();
      }
      if (c.host_takes_no_more) {
        connection.HostTakesNoMore();
      }
      if (!guest_first) {
        guest();
      }
      uint32_t told = 0;
      while (const auto op = connection.NextOp()) {
        ASSERT_EQ(*op, Op::kShutdown);
        told = connection.Send(*op, 0).flags;
      }
      EXPECT_EQ(told, c.told);
      EXPECT_EQ(connection.closing(), c.told == kShutdownBoth);
    }
  }
}

TEST(VsockConnection, GuestShutdownOfBothIsACleanEnd) {
  Connection at_once = Open();
  EXPECT_EQ(at_once.OnPacket(Shutdown(kShutdownBoth)), Verdict::kDisconnected);
  Connection in_steps = Open();
  EXPECT_EQ(in_steps.OnPacket(Shutdown(kShutdownSend)), Verdict::kShutdown);
  EXPECT_EQ(in_steps.OnPacket(Shutdown(0)), Verdict::kShutdown) << "does not take anything back";
  EXPECT_EQ(in_steps.OnPacket(Shutdown(kShutdownReceive)), Verdict::kDisconnected);
}

TEST(VsockConnection, NoDataAfterTheGuestSaidThatThereWouldBeNone) {
  Connection connection = Open();
  EXPECT_EQ(connection.OnPacket(Shutdown(kShutdownSend)), Verdict::kShutdown);
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kReadWrite, 1)), Verdict::kReset);
}

TEST(VsockConnection, NoDataToAGuestThatWillNotReceive) {
  Connection connection = Open();
  connection.HostReadable();
  EXPECT_EQ(connection.OnPacket(Shutdown(kShutdownReceive)), Verdict::kShutdown);
  EXPECT_EQ(connection.NextOp(), std::nullopt);
}

TEST(VsockConnection, TheDisconnectWaitsForBufferedBytes) {
  Connection connection = Open();
  EXPECT_EQ(connection.OnPacket(FromGuest(Op::kReadWrite, 100)), Verdict::kData);
  EXPECT_EQ(connection.OnPacket(Shutdown(kShutdownSend)), Verdict::kShutdown);
  connection.HostFinished();
  EXPECT_EQ(connection.Send(Op::kShutdown, 0).flags, kShutdownSend);
  connection.Forwarded(99);
  EXPECT_EQ(connection.NextOp(), std::nullopt);
  connection.Forwarded(1);
  ASSERT_EQ(connection.NextOp(), Op::kShutdown);
  EXPECT_EQ(connection.Send(Op::kShutdown, 0).flags, kShutdownBoth);
  EXPECT_TRUE(connection.closing());
}

TEST(VsockConnection, ALieAboutCreditIsReset) {
  Connection connection = Open();
  connection.HostReadable();
  connection.Send(Op::kReadWrite, 10);
  Header lie = FromGuest(Op::kCreditUpdate);
  lie.fwd_cnt = 11;
  EXPECT_EQ(connection.OnPacket(lie), Verdict::kReset);
}

}  // namespace
}  // namespace vmtest::vsock
