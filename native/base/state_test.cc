#include "base/state.h"

#include <gtest/gtest.h>

#include <array>

namespace vmtest {
namespace {

TEST(StateTest, ReadsBackWhatWasWritten) {
  StateWriter writer;
  writer.U8(1);
  writer.U16(0x1234);
  writer.U32(0xdeadbeef);
  writer.U64(0x0123456789abcdef);
  writer.Bool(true);
  writer.Bytes(std::array<uint8_t, 3>{7, 8, 9});

  StateReader reader(writer.bytes());
  EXPECT_EQ(reader.U8(), 1);
  EXPECT_EQ(reader.U16(), 0x1234);
  EXPECT_EQ(reader.U32(), 0xdeadbeef);
  EXPECT_EQ(reader.U64(), 0x0123456789abcdef);
  EXPECT_TRUE(reader.Bool());
  EXPECT_EQ(reader.Bytes(3), (std::vector<uint8_t>{7, 8, 9}));
  EXPECT_TRUE(reader.AtEnd());
}

TEST(StateTest, TruncatedInputFailsAndStaysFailed) {
  StateReader reader(std::array<uint8_t, 1>{5});
  EXPECT_EQ(reader.U32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.U8(), 0);
  EXPECT_FALSE(reader.AtEnd());
}

TEST(StateTest, LengthOverTheLimitFails) {
  StateWriter writer;
  writer.Bytes(std::array<uint8_t, 4>{1, 2, 3, 4});
  StateReader reader(writer.bytes());
  EXPECT_TRUE(reader.Bytes(3).empty());
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace vmtest
