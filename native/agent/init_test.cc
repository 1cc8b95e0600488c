#include "agent/init.h"

#include <gtest/gtest.h>

namespace vmtest::agent {
namespace {

TEST(ParseModuleListTest, LeavesBlanksAndCommentsOut) {
  EXPECT_EQ(ParseModuleList("# first\n/lib/a.ko\n\n  /lib/b.ko.xz # why\r\n\t\n/lib/c.ko"),
            (std::vector<std::string>{"/lib/a.ko", "/lib/b.ko.xz", "/lib/c.ko"}));
  EXPECT_TRUE(ParseModuleList("").empty());
  EXPECT_TRUE(ParseModuleList("#\n \n").empty());
}

}  // namespace
}  // namespace vmtest::agent
