#include "virtio/vsock/credit.h"

#include <gtest/gtest.h>

namespace vmtest::vsock {
namespace {

TEST(SendCredit, StartsWithNothing) { EXPECT_EQ(SendCredit().free(), 0u); }

TEST(SendCredit, FreeIsAllocationLessInFlight) {
  SendCredit credit;
  ASSERT_TRUE(credit.Update(1000, 0));
  credit.Sent(600);
  EXPECT_EQ(credit.free(), 400u);
  ASSERT_TRUE(credit.Update(1000, 500));
  EXPECT_EQ(credit.free(), 900u);
}

TEST(SendCredit, AShrunkenAllocationLeavesNothingFree) {
  SendCredit credit;
  ASSERT_TRUE(credit.Update(1000, 0));
  credit.Sent(600);
  ASSERT_TRUE(credit.Update(599, 0));
  EXPECT_EQ(credit.free(), 0u);
  ASSERT_TRUE(credit.Update(601, 0));
  EXPECT_EQ(credit.free(), 1u);
  ASSERT_TRUE(credit.Update(0, 600));
  EXPECT_EQ(credit.free(), 0u);
}

TEST(SendCredit, AcknowledgingWhatWasNeverSentIsALie) {
  SendCredit credit;
  ASSERT_TRUE(credit.Update(1000, 0));
  credit.Sent(600);
  EXPECT_FALSE(credit.Update(1000, 601));
  EXPECT_LE(credit.free(), 400u);
  EXPECT_FALSE(credit.Update(UINT32_MAX, 0x7fffffff));
}

TEST(SendCredit, AnOlderCountTakesNothingBack) {
  SendCredit credit;
  ASSERT_TRUE(credit.Update(1000, 0));
  credit.Sent(600);
  ASSERT_TRUE(credit.Update(1000, 500));
  ASSERT_TRUE(credit.Update(1000, 300));
  EXPECT_EQ(credit.free(), 900u);
}

TEST(SendCredit, CountersWrap) {
  SendCredit credit;
  // Just below 2^32, by honest traffic in steps.
  uint32_t sent = 0;
  while (sent < 0xffffff00u) {
    const uint32_t step = std::min(0x10000000u, 0xffffff00u - sent);
    ASSERT_TRUE(credit.Update(0x10000000, sent));
    credit.Sent(step);
    sent += step;
  }
  ASSERT_TRUE(credit.Update(0x1000, 0xffffff00));
  EXPECT_EQ(credit.free(), 0x1000u);
  credit.Sent(0x800);  // to 0x700, past the wrap
  EXPECT_EQ(credit.free(), 0x800u);
  ASSERT_TRUE(credit.Update(0x1000, 0xffffff80));
  EXPECT_EQ(credit.free(), 0x880u);
  ASSERT_TRUE(credit.Update(0x1000, 0x100));
  EXPECT_EQ(credit.free(), 0xa00u);
  ASSERT_TRUE(credit.Update(0x1000, 0xffffff90)) << "older, from before the wrap";
  EXPECT_EQ(credit.free(), 0xa00u);
  EXPECT_FALSE(credit.Update(0x1000, 0x701));
}

TEST(SendCredit, TheWholeRangeMayBeAllocated) {
  SendCredit credit;
  ASSERT_TRUE(credit.Update(UINT32_MAX, 0));
  EXPECT_EQ(credit.free(), UINT32_MAX);
  credit.Sent(UINT32_MAX);
  EXPECT_EQ(credit.free(), 0u);
  ASSERT_TRUE(credit.Update(UINT32_MAX, 0xfffffff0)) << "far ahead, but sent";
  EXPECT_EQ(credit.free(), 0xfffffff0u);
}

TEST(ReceiveCredit, RefusesMoreThanItPromised) {
  ReceiveCredit credit(100);
  EXPECT_TRUE(credit.Receive(60));
  EXPECT_FALSE(credit.Receive(41));
  EXPECT_TRUE(credit.Receive(40));
  EXPECT_FALSE(credit.Receive(1));
  EXPECT_FALSE(credit.Receive(UINT32_MAX));
  EXPECT_TRUE(credit.Receive(0));
  credit.Forward(10);
  EXPECT_FALSE(credit.Receive(11));
  EXPECT_TRUE(credit.Receive(10));
  EXPECT_EQ(credit.buffered(), 100u);
}

TEST(ReceiveCredit, AnnouncesWhenTheGuestCouldStall) {
  ReceiveCredit credit(100);
  ASSERT_TRUE(credit.Receive(50));
  credit.Forward(50);
  EXPECT_FALSE(credit.ShouldAnnounce()) << "half is free for all it knows";
  ASSERT_TRUE(credit.Receive(1));
  EXPECT_TRUE(credit.ShouldAnnounce());
  EXPECT_EQ(credit.Announce(), 50u);
  EXPECT_FALSE(credit.ShouldAnnounce());
}

TEST(ReceiveCredit, HasNothingToAnnounceWhileNothingLeft) {
  ReceiveCredit credit(100);
  ASSERT_TRUE(credit.Receive(100));
  EXPECT_FALSE(credit.ShouldAnnounce());
  credit.Forward(1);
  EXPECT_TRUE(credit.ShouldAnnounce()) << "the guest believes that it may send nothing";
}

// The rule itself, at every size: a sender that waits for free space gets to know of it.
TEST(ReceiveCredit, AStalledSenderIsAlwaysWoken) {
  for (uint32_t promise = 1; promise < 40; ++promise) {
    ReceiveCredit credit(promise);
    uint32_t sent = 0;
    uint32_t known = 0;
    for (int round = 0; round < 200; ++round) {
      while (promise - (sent - known) > 0) {
        ASSERT_TRUE(credit.Receive(1));
        ++sent;
      }
      credit.Forward(1 + static_cast<uint32_t>(round) % credit.buffered());
      ASSERT_TRUE(credit.ShouldAnnounce());
      known = credit.Announce();
    }
  }
}

}  // namespace
}  // namespace vmtest::vsock
