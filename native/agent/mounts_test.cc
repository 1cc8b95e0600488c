#include "agent/mounts.h"

#include <gtest/gtest.h>

namespace vmtest::agent {
namespace {

TEST(ParseHostMountsTest, ReadsEveryPart) {
  std::string error;
  const auto mounts = ParseHostMounts(
      "console=ttyS0 vmtest.mount=vmtest0:ro:/a:b vmtest.mount=vmtest1:rw:/with%20blank%25 "
      "vmtest.mount=vmtest2:exclusive:/c x\n",
      &error);
  ASSERT_EQ(mounts.size(), 3u) << error;
  EXPECT_EQ(mounts[2].mode, MountMode::kExclusive);
  EXPECT_EQ(mounts[0].tag, "vmtest0");
  EXPECT_EQ(mounts[0].mode, MountMode::kReadOnly);
  EXPECT_EQ(mounts[0].path, "/a:b");
  EXPECT_EQ(mounts[1].tag, "vmtest1");
  EXPECT_EQ(mounts[1].mode, MountMode::kShared);
  EXPECT_EQ(mounts[1].path, "/with blank%");
}

TEST(ParseHostMountsTest, NoneIsNoError) {
  std::string error;
  EXPECT_TRUE(ParseHostMounts("console=ttyS0 vmtest.mounts=a", &error).empty());
  EXPECT_EQ(error, "");
}

TEST(ParseHostMountsTest, RefusesNonsense) {
  for (const char* line :
       {"vmtest.mount=", "vmtest.mount=t", "vmtest.mount=t:ro", "vmtest.mount=:ro:/a",
        "vmtest.mount=t:rx:/a", "vmtest.mount=t:ro:a", "vmtest.mount=t:ro:", "vmtest.mount=t:ro:/%",
        "vmtest.mount=t:ro:/%2", "vmtest.mount=t:ro:/%zz", "vmtest.mount=t:ro:/%00",
        "vmtest.mount=t:ro:/%+1", "vmtest.mount=t:ro:/a vmtest.mount=t"}) {
    std::string error;
    EXPECT_TRUE(ParseHostMounts(line, &error).empty()) << line;
    EXPECT_NE(error, "") << line;
  }
}

}  // namespace
}  // namespace vmtest::agent
