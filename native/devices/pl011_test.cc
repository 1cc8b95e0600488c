#include "devices/pl011.h"

#include <gtest/gtest.h>

#include <string>

#include "devices/device_test_util.h"

namespace vmtest {
namespace {

// Registers, as DDI 0183 names them.
enum : uint64_t { kDr = 0x00, kFr = 0x18, kIbrd = 0x24, kFbrd = 0x28, kLcrH = 0x2c, kCr = 0x30 };
enum : uint64_t { kIfls = 0x34, kImsc = 0x38, kRis = 0x3c, kMis = 0x40, kIcr = 0x44 };

constexpr uint32_t kRx = 1U << 4;
constexpr uint32_t kTx = 1U << 5;
constexpr uint32_t kTimeout = 1U << 6;
constexpr uint32_t kOverrun = 1U << 10;
constexpr uint32_t kOn = 0x301;
constexpr uint32_t kFifos = 0x10;

class Pl011Test : public ::testing::Test {
 protected:
  uint32_t In(uint64_t offset) { return In32(uart_, offset); }
  void Out(uint64_t offset, uint32_t value) { Out32(uart_, offset, value); }
  bool Interrupted() const { return interrupt_.Drain(); }
  size_t Receive(std::vector<uint8_t> bytes) { return uart_.Receive(bytes); }
  // As pl011_startup() and pl011_set_termios() in Linux's amba-pl011.c leave it.
  void Open() {
    Out(kIbrd, 13);
    Out(kFbrd, 1);
    Out(kLcrH, 0x60 | kFifos);
    Out(kCr, kOn);
    Out(kImsc, kRx | kTimeout);
  }

  EventFd interrupt_ = EventFd::Create().value();
  RecordingSink sink_;
  Pl011 uart_{interrupt_, sink_};
};

TEST_F(Pl011Test, IsAPrimeCellThatLinuxKnows) {
  // amba_read_periphid() puts these bytes together; vendor_arm asks for 0x00041011 under
  // 0x000fffff.
  uint32_t peripheral = 0;
  uint32_t cell = 0;
  for (unsigned i = 0; i < 4; ++i) {
    peripheral |= In(0xfe0 + 4 * i) << (8 * i);
    cell |= In(0xff0 + 4 * i) << (8 * i);
  }
  EXPECT_EQ(peripheral & 0x000f'ffff, 0x0004'1011U);
  EXPECT_LT(peripheral >> 20 & 0xf, 3U) << "a FIFO of 16 bytes";
  EXPECT_EQ(cell, 0xb105'f00dU);
}

TEST_F(Pl011Test, SendsBeforeItIsEnabled) {
  for (const char c : std::string("early\n")) {
    EXPECT_EQ(In(kFr) & 0xb8, 0x90U) << "empty, ready, not busy";
    Out(kDr, static_cast<uint8_t>(c));
  }
  EXPECT_EQ(std::string(sink_.bytes.begin(), sink_.bytes.end()), "early\n");
  EXPECT_FALSE(Interrupted());
}

TEST_F(Pl011Test, EachByteThatIsSentIsAnEdge) {
  Out(kImsc, kTx);
  EXPECT_FALSE(Interrupted()) << "nothing was sent yet";
  Out(kDr, 'a');
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(In(kMis), kTx);
  Out(kDr, 'b');
  EXPECT_TRUE(Interrupted()) << "the driver may have been looking at the first";
  Out(kIcr, kTx);
  EXPECT_EQ(In(kMis), 0U);
  EXPECT_FALSE(Interrupted());
  Out(kDr, 'c');
  EXPECT_TRUE(Interrupted());
  Out(kImsc, 0);
  EXPECT_EQ(In(kRis), kTx);
  EXPECT_EQ(In(kMis), 0U);
}

TEST_F(Pl011Test, InputWaitsUntilItIsSwitchedOn) {
  EXPECT_EQ(Receive({1, 2}), 0U);
  EXPECT_EQ(sink_.rooms, 0);
  Open();
  EXPECT_EQ(sink_.rooms, 1);
  EXPECT_EQ(Receive({1, 2}), 2U);
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(In(kFr) & 0x50, 0U);
  EXPECT_EQ(In(kDr), 1U);
  EXPECT_EQ(In(kMis), kTimeout);
  EXPECT_EQ(In(kDr), 2U);
  EXPECT_EQ(In(kMis), 0U);
  EXPECT_EQ(In(kFr) & 0x50, 0x10U);
  EXPECT_EQ(In(kDr), 0U);
}

TEST_F(Pl011Test, TakesAFifoFullAndAsksForMoreWhenItIsEmpty) {
  Open();
  std::vector<uint8_t> bytes(20);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(i + 1);
  }
  EXPECT_EQ(Receive(bytes), Pl011::kFifoSize);
  EXPECT_EQ(In(kFr) & 0x50, 0x40U) << "full";
  EXPECT_EQ(In(kMis), kRx | kTimeout);
  for (uint32_t i = 1; i <= Pl011::kFifoSize; ++i) {
    EXPECT_EQ(sink_.rooms, 0);
    EXPECT_EQ(In(kDr), i);
  }
  EXPECT_EQ(sink_.rooms, 1);
}

TEST_F(Pl011Test, TheLevelDecidesWhenInputInterrupts) {
  Open();
  Out(kImsc, kRx);
  Out(kIfls, 1U << 3);  // a quarter
  EXPECT_EQ(Receive({1, 2, 3}), 3U);
  EXPECT_FALSE(Interrupted());
  EXPECT_EQ(Receive({4}), 1U);
  EXPECT_TRUE(Interrupted());
}

TEST_F(Pl011Test, WithoutFifosThereIsOneByte) {
  Open();
  Out(kLcrH, 0x60);
  EXPECT_EQ(Receive({1, 2}), 1U);
  EXPECT_EQ(In(kMis), kRx | kTimeout);
  Out(kLcrH, 0x60 | kFifos);
  EXPECT_EQ(In(kFr) & 0x10, 0x10U) << "switching them empties them";
}

TEST_F(Pl011Test, LoopbackReceivesWhatItSends) {
  Open();
  Out(kCr, kOn | 0x80);
  Out(kDr, 'x');
  EXPECT_TRUE(sink_.bytes.empty());
  EXPECT_EQ(In(kDr), static_cast<uint32_t>('x'));
  for (unsigned i = 0; i < 17; ++i) {
    Out(kDr, i);
  }
  EXPECT_EQ(In(kRis) & kOverrun, kOverrun);
  EXPECT_EQ(Receive({1}), 0U) << "the line is cut off";
  Out(kIcr, kOverrun);
  EXPECT_EQ(In(kRis) & kOverrun, 0U);
}

TEST_F(Pl011Test, OddAccessesAreDefined) {
  Out(kIbrd, 0xabcd);
  EXPECT_EQ(In(kIbrd), 0xabcdU);
  EXPECT_EQ(vmtest::In(uart_, kIbrd), 0xcd);
  EXPECT_EQ(vmtest::In(uart_, kIbrd + 1), 0xab);
  vmtest::Out(uart_, kIbrd, 0x12);  // the low byte: the rest is zero
  EXPECT_EQ(In(kIbrd), 0x12U);
  vmtest::Out(uart_, kIbrd + 1, 0x77);  // no register begins there
  EXPECT_EQ(In(kIbrd), 0x12U);
  std::array<uint8_t, 8> wide{1, 2, 3, 4, 5, 6, 7, 8};
  uart_.Write(kIbrd, wide);
  EXPECT_EQ(In(kIbrd), 0x12U);
  uart_.Read(kIbrd, wide);
  EXPECT_EQ(wide, (std::array<uint8_t, 8>{}));
}

TEST_F(Pl011Test, StateIsWholeAndMoves) {
  Open();
  EXPECT_EQ(Receive({7, 8, 9}), 3U);
  EXPECT_EQ(In(kDr), 7U);
  Out(kDr, 'q');
  const auto state = SaveState(uart_);
  EventFd interrupt = EventFd::Create().value();
  RecordingSink sink;
  Pl011 copy(interrupt, sink);
  ASSERT_TRUE(LoadState(copy, state));
  EXPECT_TRUE(interrupt.Drain()) << "the edge may have been on its way";
  EXPECT_EQ(SaveState(copy), state);
  EXPECT_EQ(In32(copy, kRis), kTimeout | kTx);
  EXPECT_EQ(In32(copy, kDr), 8U);
  EXPECT_EQ(In32(copy, kDr), 9U);
  EXPECT_EQ(In32(copy, kIbrd), 13U);
}

}  // namespace
}  // namespace vmtest
