#include "agent/root.h"

#include <gtest/gtest.h>

namespace vmtest::agent {
namespace {

TEST(ParseRootSpecTest, ReadsEveryPart) {
  std::string error;
  const auto spec = ParseRootSpec(
      "console=ttyS0 vmtest.root=serial:vmtest-root:2 vmtest.rootfstype=ext4 vmtest.rootflags=rw "
      "vmtest.init=/sbin/init quiet\n",
      &error);
  ASSERT_TRUE(spec.has_value()) << error;
  EXPECT_EQ(spec->serial, "vmtest-root");
  EXPECT_EQ(spec->partition, 2u);
  EXPECT_EQ(spec->type, "ext4");
  EXPECT_EQ(spec->mode, MountMode::kShared);
  EXPECT_EQ(spec->init, "/sbin/init");
}

TEST(ParseRootSpecTest, ReadOnlyAndTheWholeDiskAreTheDefault) {
  std::string error;
  const auto spec =
      ParseRootSpec("vmtest.root=serial:a vmtest.rootfstype=squashfs vmtest.rootx=1", &error);
  ASSERT_TRUE(spec.has_value()) << error;
  EXPECT_EQ(spec->partition, 0u);
  EXPECT_EQ(spec->mode, MountMode::kReadOnly);
  EXPECT_TRUE(spec->init.empty());
}

TEST(ParseRootSpecTest, ADirectoryOfTheHostHasATag) {
  std::string error;
  const auto spec = ParseRootSpec("vmtest.root=9p:vmtest0 vmtest.rootflags=rw", &error);
  ASSERT_TRUE(spec.has_value()) << error;
  EXPECT_EQ(spec->tag, "vmtest0");
  EXPECT_EQ(spec->serial, "");
  EXPECT_EQ(spec->mode, MountMode::kShared);
}

TEST(ParseRootSpecTest, TheLastWordCounts) {
  std::string error;
  const auto spec =
      ParseRootSpec("vmtest.root=serial:a vmtest.rootfstype=ext4 vmtest.rootfstype=erofs", &error);
  ASSERT_TRUE(spec.has_value()) << error;
  EXPECT_EQ(spec->type, "erofs");
}

TEST(ParseRootSpecTest, NoRootIsNoError) {
  std::string error;
  for (const char* line : {"", "console=ttyS0", "root=/dev/vda", "xvmtest.root=serial:a"}) {
    EXPECT_FALSE(ParseRootSpec(line, &error).has_value()) << line;
    EXPECT_EQ(error, "") << line;
  }
}

TEST(ParseRootSpecTest, RefusesNonsense) {
  for (const char* line :
       {"vmtest.root=/dev/vda vmtest.rootfstype=ext4", "vmtest.root=serial: vmtest.rootfstype=ext4",
        "vmtest.root=serial:a", "vmtest.root=9p:", "vmtest.root=serial:a:0 vmtest.rootfstype=ext4",
        "vmtest.root=serial:a:x vmtest.rootfstype=ext4",
        "vmtest.root=serial:a:1x vmtest.rootfstype=ext4",
        "vmtest.root=serial:a:99999999999 vmtest.rootfstype=ext4",
        "vmtest.root=serial:a vmtest.rootfstype=ext4 vmtest.rootflags=rx",
        "vmtest.root=serial:a vmtest.rootfstype=ext4 vmtest.rootflags=exclusive"}) {
    std::string error;
    EXPECT_FALSE(ParseRootSpec(line, &error).has_value()) << line;
    EXPECT_NE(error, "") << line;
  }
}

}  // namespace
}  // namespace vmtest::agent
