#include "agent/command_line.h"

#include <gtest/gtest.h>

namespace vmtest::agent {
namespace {

TEST(WordsTest, FindsThemInTheirOrder) {
  EXPECT_EQ(Words("a=1 b=2\ta=3 xa=4 a a= ax=5\n", "a"),
            (std::vector<std::string_view>{"1", "3", ""}));
  EXPECT_TRUE(Words("", "a").empty());
}

TEST(WordTest, TheLastOneCounts) {
  EXPECT_EQ(Word("a=1 a=2", "a"), "2");
  EXPECT_EQ(Word("b=1", "a"), "");
}

}  // namespace
}  // namespace vmtest::agent
