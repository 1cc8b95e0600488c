#include "devices/serial16550.h"

#include <gtest/gtest.h>

#include <numeric>

#include "devices/device_test_util.h"

namespace vmtest {
namespace {

// Registers, as the data sheet names them.
enum : uint64_t { kRbr = 0, kThr = 0, kIer = 1, kIir = 2, kFcr = 2, kLcr = 3, kMcr = 4 };
enum : uint64_t { kLsr = 5, kMsr = 6, kScr = 7 };

class Serial16550Test : public ::testing::Test {
 protected:
  uint8_t In(uint64_t offset) { return vmtest::In(uart_, offset); }
  void Out(uint64_t offset, unsigned value) { vmtest::Out(uart_, offset, value); }
  bool Interrupted() const { return interrupt_.Drain(); }
  size_t Receive(std::vector<uint8_t> bytes) { return uart_.Receive(bytes); }

  EventFd interrupt_ = EventFd::Create().value();
  RecordingSink sink_;
  Serial16550 uart_{interrupt_, sink_};
};

TEST_F(Serial16550Test, SendsWhatIsWritten) {
  for (const char c : std::string("hello\n")) {
    EXPECT_EQ(In(kLsr), 0x60);
    Out(kThr, static_cast<uint8_t>(c));
  }
  EXPECT_EQ(std::string(sink_.bytes.begin(), sink_.bytes.end()), "hello\n");
  EXPECT_FALSE(Interrupted());
}

// The steps of autoconfig() and autoconfig_16550a() in Linux's 8250_port.c, with what each must
// see.
TEST_F(Serial16550Test, LinuxTakesItForA16550A) {
  Out(kIer, 0);
  EXPECT_EQ(In(kIer) & 0x0f, 0);
  Out(kIer, 0x0f);
  EXPECT_EQ(In(kIer) & 0x0f, 0x0f);
  Out(kIer, 0);
  Out(kMcr, 0x1a);  // loopback, OUT2, RTS
  EXPECT_EQ(In(kMsr) & 0xf0, 0x90);
  Out(kMcr, 0);
  Out(kLcr, 0xbf);  // an extended feature register would show here
  Out(kFcr, 0);
  Out(kLcr, 0);
  Out(kFcr, 0x01);
  EXPECT_EQ(In(kIir) >> 6, 3) << "16550A";
  Out(kLcr, 0x80);
  EXPECT_NE(In(kFcr), 0) << "not an XR16C850";
  Out(kLcr, 0xbf);
  EXPECT_NE(In(kFcr), 0) << "no EFR";
  Out(kLcr, 0xe0);
  const uint8_t before = In(2);
  Out(kLcr, 0);
  Out(kMcr, 0x10);
  Out(kLcr, 0xe0);
  EXPECT_EQ((In(2) ^ before) & 0x10, 0) << "not a NS SuperIO";
  Out(kLcr, 0);
  Out(kMcr, 0);
  Out(kFcr, 0x21);
  EXPECT_EQ(In(kIir) >> 5, 6) << "no 64 byte FIFO";
  Out(kLcr, 0x80);
  Out(kFcr, 0x21);
  EXPECT_EQ(In(kIir) >> 5, 6) << "not a 16750";
  Out(kLcr, 0);
  Out(kIer, 0x40);
  EXPECT_EQ(In(kIer) & 0x40, 0) << "not an XScale";
  EXPECT_TRUE(sink_.bytes.empty());
}

TEST_F(Serial16550Test, DivisorLatchHidesDataAndInterruptEnable) {
  Out(kIer, 0x05);
  Out(kLcr, 0x83);
  EXPECT_EQ(In(0) | In(1) << 8, 12);
  Out(0, 0x34);
  Out(1, 0x12);
  EXPECT_EQ(In(0) | In(1) << 8, 0x1234);
  Out(kLcr, 0x03);
  EXPECT_EQ(In(kIer), 0x05);
  EXPECT_EQ(In(kLcr), 0x03);
  EXPECT_TRUE(sink_.bytes.empty());
}

// serial8250_do_startup() tests the transmitter's interrupt twice, and polls UARTs that fail.
TEST_F(Serial16550Test, EnablingTheTransmitterInterruptRaisesItEachTime) {
  for (int round = 0; round < 3; ++round) {
    Out(kIer, 0x02);
    EXPECT_TRUE(Interrupted());
    EXPECT_EQ(In(kIir) & 0x0f, 0x02);
    EXPECT_EQ(In(kIir) & 0x0f, 0x01) << "reading the IIR takes it back";
    Out(kIer, 0x02);
    EXPECT_FALSE(Interrupted()) << "it was enabled already";
    Out(kIer, 0);
  }
}

TEST_F(Serial16550Test, EachByteSentIsAnEdge) {
  Out(kIer, 0x02);
  EXPECT_TRUE(Interrupted());
  for (int i = 0; i < 3; ++i) {
    Out(kThr, 'x');
    EXPECT_TRUE(Interrupted()) << "also when the last one was never acknowledged";
  }
  EXPECT_EQ(In(kIir) & 0x0f, 0x02);
  Out(kIer, 0);
  Out(kThr, 'y');
  EXPECT_FALSE(Interrupted());
}

TEST_F(Serial16550Test, ReceivesThroughTheFifo) {
  Out(kFcr, 0x81);  // trigger level 8
  Out(kIer, 0x01);
  std::vector<uint8_t> input(20);
  std::iota(input.begin(), input.end(), uint8_t{1});
  EXPECT_EQ(Receive({1, 2, 3}), 3U);
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(In(kIir), 0xcc) << "below the trigger level: character timeout";
  EXPECT_EQ(Receive({input.begin() + 3, input.end()}), 13U);
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(In(kIir), 0xc4);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(In(kLsr), 0x61);
    EXPECT_EQ(sink_.rooms, 0);
    EXPECT_EQ(In(kRbr), i + 1);
  }
  EXPECT_EQ(In(kLsr), 0x60);
  EXPECT_EQ(In(kIir), 0xc1);
  EXPECT_EQ(sink_.rooms, 1) << "once, when it is empty";
  EXPECT_EQ(In(kRbr), 0);
  EXPECT_EQ(sink_.rooms, 1);
}

TEST_F(Serial16550Test, WithoutFifosItHoldsOneCharacter) {
  EXPECT_EQ(Receive({1, 2}), 1U);
  Out(kIer, 0x01);
  EXPECT_EQ(In(kIir), 0x04);
  EXPECT_EQ(In(kRbr), 1);
  EXPECT_EQ(sink_.rooms, 1);
}

TEST_F(Serial16550Test, ClearingOrTogglingTheFifoDropsInputAndMakesRoom) {
  EXPECT_EQ(Receive({1, 2}), 1U);
  Out(kFcr, 0x01);
  EXPECT_EQ(In(kLsr) & 1, 0);
  EXPECT_EQ(sink_.rooms, 1);
  EXPECT_EQ(Receive({1, 2}), 2U);
  Out(kFcr, 0x03);
  EXPECT_EQ(In(kLsr) & 1, 0);
  EXPECT_EQ(Receive({1, 2}), 2U);
  Out(kFcr, 0x05);  // the transmitter's alone
  EXPECT_EQ(In(kLsr) & 1, 1);
  Out(kFcr, 0x00);
  EXPECT_EQ(In(kLsr) & 1, 0);
}

TEST_F(Serial16550Test, LoopbackIsCutOffFromTheLine) {
  Out(kFcr, 0x01);
  Out(kMcr, 0x10);
  Out(kThr, 'a');
  EXPECT_TRUE(sink_.bytes.empty());
  EXPECT_EQ(Receive({'b'}), 0U);
  EXPECT_EQ(In(kRbr), 'a');
  EXPECT_EQ(sink_.rooms, 0);
  Out(kMcr, 0x00);
  EXPECT_EQ(sink_.rooms, 1);
  EXPECT_EQ(Receive({'b'}), 1U);
  EXPECT_EQ(In(kRbr), 'b');
}

TEST_F(Serial16550Test, OverrunInLoopback) {
  Out(kFcr, 0x01);
  Out(kMcr, 0x10);
  Out(kIer, 0x04);
  for (uint8_t i = 0; i < 17; ++i) {
    Out(kThr, i);
  }
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(In(kIir), 0xc6);
  EXPECT_EQ(In(kLsr), 0x63);
  EXPECT_EQ(In(kLsr), 0x61) << "reading it takes the error back";
  for (uint8_t i = 0; i < 16; ++i) {
    EXPECT_EQ(In(kRbr), i);
  }
  Out(kFcr, 0x00);
  Out(kThr, 1);
  Out(kThr, 2);
  EXPECT_EQ(In(kLsr), 0x63);
  EXPECT_EQ(In(kRbr), 2) << "without FIFOs the new character destroys the old one";
}

TEST_F(Serial16550Test, ModemLinesAndTheirDeltas) {
  EXPECT_EQ(In(kMsr), 0xb0);
  Out(kIer, 0x08);
  Out(kMcr, 0x14);  // loopback, OUT1: ring, and the rest falls
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(In(kIir), 0x00);
  EXPECT_EQ(In(kMsr), 0x4b);
  EXPECT_EQ(In(kMsr), 0x40);
  EXPECT_EQ(In(kIir), 0x01);
  Out(kMcr, 0x10);
  EXPECT_EQ(In(kMsr), 0x04) << "the trailing edge of ring";
  Out(kMcr, 0x00);
  EXPECT_EQ(In(kMsr), 0xbb);
  EXPECT_EQ(In(kMcr), 0x00);
  Out(kMcr, 0xff);
  EXPECT_EQ(In(kMcr), 0x1f);
}

TEST_F(Serial16550Test, InterruptsByPriority) {
  Out(kFcr, 0x01);
  Out(kMcr, 0x10);
  for (int i = 0; i < 17; ++i) {
    Out(kThr, 'x');
  }
  Out(kIer, 0x0f);
  EXPECT_EQ(In(kIir) & 0x0f, 0x06);
  In(kLsr);
  EXPECT_EQ(In(kIir) & 0x0f, 0x04);
  for (int i = 0; i < 16; ++i) {
    In(kRbr);
  }
  EXPECT_EQ(In(kIir) & 0x0f, 0x02);
  EXPECT_EQ(In(kIir) & 0x0f, 0x00);
  In(kMsr);
  EXPECT_EQ(In(kIir) & 0x0f, 0x01);
}

TEST_F(Serial16550Test, ScratchAndReadOnlyRegisters) {
  Out(kScr, 0x5a);
  EXPECT_EQ(In(kScr), 0x5a);
  Out(kLsr, 0xff);
  Out(kMsr, 0xff);
  EXPECT_EQ(In(kLsr), 0x60);
  EXPECT_EQ(In(kMsr), 0xb0);
}

TEST_F(Serial16550Test, StateCarriesInputAndRaisesThePendingInterrupt) {
  Out(kFcr, 0xc1);
  Out(kIer, 0x01);
  Out(kLcr, 0x03);
  Out(kScr, 0x77);
  ASSERT_EQ(Receive({1, 2, 3}), 3U);
  In(kRbr);
  const EventFd interrupt = EventFd::Create().value();
  Serial16550 other(interrupt, sink_);
  ASSERT_TRUE(LoadState(other, SaveState(uart_)));
  EXPECT_TRUE(interrupt.Drain());
  EXPECT_EQ(vmtest::In(other, kIir), 0xcc);
  EXPECT_EQ(vmtest::In(other, kRbr), 2);
  EXPECT_EQ(vmtest::In(other, kRbr), 3);
  EXPECT_EQ(vmtest::In(other, kLsr), 0x60);
  EXPECT_EQ(vmtest::In(other, kScr), 0x77);
  EXPECT_EQ(SaveState(uart_), SaveState(uart_));
}

}  // namespace
}  // namespace vmtest
