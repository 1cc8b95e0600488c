#include "agent/users.h"

#include <gtest/gtest.h>

namespace vmtest::agent {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "broken line\n"
    "bad:x:many:1:::\n"
    "me:x:1000:1000:Me,,,:/home/me:/bin/sh\n"
    "2000:x:1001:1001::/home/digits:\n"
    "short:x:1002:1002";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "kvm:x:104:me,other\n"
    "me:x:1000:me\n"
    "video:x:44:other,me\n"
    "meow:x:45:meow\n";

TEST(ResolveUserTest, ANameBringsItsHomeAndGroups) {
  const auto me = ResolveUser("me", kPasswd, kGroup);
  ASSERT_TRUE(me.has_value());
  EXPECT_EQ(me->uid, 1000U);
  EXPECT_EQ(me->gid, 1000U);
  EXPECT_EQ(me->groups, (std::vector<gid_t>{1000, 104, 44}));
  EXPECT_EQ(me->home, "/home/me");
  EXPECT_EQ(me->shell, "/bin/sh");
}

TEST(ResolveUserTest, ANumberNeedsNoEntry) {
  const auto known = ResolveUser("1000", kPasswd, kGroup);
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->name, "me");
  const auto unknown = ResolveUser("4242", kPasswd, kGroup);
  ASSERT_TRUE(unknown.has_value());
  EXPECT_EQ(unknown->gid, 4242U);
  EXPECT_EQ(unknown->name, "");
  EXPECT_EQ(unknown->groups, std::vector<gid_t>{4242});
  EXPECT_EQ(ResolveUser("2000", kPasswd, kGroup)->uid, 2000U);
}

TEST(ResolveUserTest, AGroupThatIsGivenIsTheOnlyOne) {
  for (const char* spec : {"me:kvm", "me:104", "1000:kvm"}) {
    const auto user = ResolveUser(spec, kPasswd, kGroup);
    ASSERT_TRUE(user.has_value()) << spec;
    EXPECT_EQ(user->gid, 104U) << spec;
    EXPECT_EQ(user->groups, std::vector<gid_t>{104}) << spec;
  }
}

TEST(ResolveUserTest, WhatIsNotThereIsRefused) {
  for (const char* spec : {"", "nobody", "bad", "broken line", "me:nogroup", "me:", "-1",
                           "4294967295", "99999999999", "0x10", " me"}) {
    EXPECT_FALSE(ResolveUser(spec, kPasswd, kGroup).has_value()) << spec;
  }
  EXPECT_FALSE(ResolveUser("root", "", "").has_value());
}

TEST(ResolveUserTest, AShortLineIsStillAnEntry) {
  const auto user = ResolveUser("short", kPasswd, kGroup);
  ASSERT_TRUE(user.has_value());
  EXPECT_EQ(user->uid, 1002U);
  EXPECT_EQ(user->home, "");
}

}  // namespace
}  // namespace vmtest::agent
