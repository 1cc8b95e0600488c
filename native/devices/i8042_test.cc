#include "devices/i8042.h"

#include <gtest/gtest.h>

#include "devices/device_test_util.h"

namespace vmtest {
namespace {

class I8042Test : public ::testing::Test {
 protected:
  void Command(unsigned command) { Out(device_, I8042::kCommand, command); }
  void Data(unsigned value) { Out(device_, I8042::kData, value); }
  uint8_t Data() { return In(device_, I8042::kData); }
  uint8_t Status() { return In(device_, I8042::kCommand); }

  int resets_ = 0;
  I8042 device_{[this] { ++resets_; }};
};

TEST_F(I8042Test, LinuxRebootsThroughIt) {
  EXPECT_EQ(Status() & 0x02, 0) << "the input buffer must look empty";
  Command(0xfe);
  EXPECT_EQ(resets_, 1);
}

TEST_F(I8042Test, OnlyPulsesOfTheResetLineReset) {
  for (unsigned command = 0; command < 0x100; ++command) {
    resets_ = 0;
    Command(command);
    EXPECT_EQ(resets_, command >= 0xf0 && (command & 1) == 0 ? 1 : 0) << command;
  }
}

TEST_F(I8042Test, TheOutputPortHoldsTheResetLine) {
  Command(0xd1);
  Data(0x03);
  EXPECT_EQ(resets_, 0);
  Command(0xd1);
  Data(0xfe);
  EXPECT_EQ(resets_, 1);
  Command(0xd0);
  EXPECT_EQ(Data(), 0xff);
}

TEST_F(I8042Test, SelfTestAndProbe) {
  EXPECT_EQ(Status() & 0x01, 0);
  Command(0xaa);
  EXPECT_EQ(Status() & 0x09, 0x09);
  EXPECT_EQ(Data(), 0x55);
  EXPECT_EQ(Status() & 0x01, 0);
  EXPECT_EQ(Data(), 0x55) << "an empty buffer repeats itself";
  Command(0xab);
  EXPECT_EQ(Data(), 0x00);
}

TEST_F(I8042Test, ConfigurationByte) {
  Command(0x20);
  EXPECT_EQ(Data(), 0x34);
  Command(0x60);
  Data(0x47);
  EXPECT_EQ(Status() & 0x08, 0);
  Command(0x20);
  EXPECT_EQ(Data(), 0x47);
  Command(0xad);
  Command(0xa7);
  Command(0x20);
  EXPECT_EQ(Data(), 0x77);
  Command(0xae);
  Command(0xa8);
  Command(0x20);
  EXPECT_EQ(Data(), 0x47);
}

TEST_F(I8042Test, NoKeyboardAndNoMouseAnswer) {
  Data(0xff);
  EXPECT_EQ(Status() & 0x01, 0);
  Command(0xd4);
  Data(0xf2);
  EXPECT_EQ(Status() & 0x01, 0);
  Command(0x60);
  Command(0x20);  // takes the place of the command that waited
  Data(0x00);
  Command(0x20);
  EXPECT_EQ(Data(), 0x34);
}

TEST_F(I8042Test, CalibrationAt0x61Ends) { EXPECT_EQ(In(device_, 1) & 0x20, 0x20); }

TEST_F(I8042Test, StateSurvives) {
  Command(0x60);
  Data(0x12);
  Command(0xaa);
  Command(0xd1);
  I8042 other([this] { ++resets_; });
  ASSERT_TRUE(LoadState(other, SaveState(device_)));
  EXPECT_EQ(In(other, I8042::kData), 0x55);
  Out(other, I8042::kData, 0x00);  // the data byte of 0xd1
  EXPECT_EQ(resets_, 1);
  Out(other, I8042::kCommand, 0x20);
  EXPECT_EQ(In(other, I8042::kData), 0x12);
}

}  // namespace
}  // namespace vmtest
