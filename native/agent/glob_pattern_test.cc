#include "agent/glob_pattern.h"

#include <gtest/gtest.h>

namespace vmtest::agent {
namespace {

TEST(ParsePatternTest, CutsAtSlashesAndRemovesQuotesFromNames) {
  const GlobPattern pattern = ParsePattern(R"(//a\:b\\/*.log/x\*y/[z)");
  ASSERT_EQ(pattern.parts.size(), 4U);
  EXPECT_EQ(pattern.parts[0].text, R"(a:b\)");
  EXPECT_FALSE(pattern.parts[0].magic);
  EXPECT_EQ(pattern.parts[1].text, "*.log");
  EXPECT_TRUE(pattern.parts[1].magic);
  EXPECT_EQ(pattern.parts[2].text, "x*y");
  EXPECT_FALSE(pattern.parts[2].magic);
  EXPECT_EQ(pattern.parts[3].text, "[z");
  EXPECT_FALSE(pattern.only_directories);
  EXPECT_TRUE(ParsePattern("/a/*/").only_directories);
  EXPECT_TRUE(ParsePattern("/").parts.empty());
  EXPECT_EQ(ParsePattern(R"(/a\)").parts[0].text, R"(a\)");
}

TEST(FitsPartTest, ComparesOneName) {
  struct Case {
    const char* pattern;
    const char* name;
    bool fits;
  };
  const Case cases[] = {
      {"*", "a", true},         {"*", ".a", false},          {"*", ".", false},
      {".*", ".a", true},       {".*", "..", false},         {"?.log", "a.log", true},
      {"?.log", ".log", false}, {"[!a]*", "b", true},        {"[!a]*", "a", false},
      {"[!a]*", ".b", false},   {"[a-c]x", "bx", true},      {"[[:digit:]]", "7", true},
      {"a\\*b*", "a*bc", true}, {"a\\*b*", "axbc", false},   {"[", "[", true},
      {"*[", "x[", true},       {"*\xff", "\xfe\xff", true},
  };
  for (const Case& test : cases) {
    const GlobPattern pattern = ParsePattern(std::string("/") + test.pattern);
    ASSERT_EQ(pattern.parts.size(), 1U);
    EXPECT_EQ(FitsPart(pattern.parts[0], test.name), test.fits) << test.pattern << " " << test.name;
  }
  EXPECT_FALSE(FitsPart(ParsePattern("/..").parts[0], ".."));
}

}  // namespace
}  // namespace vmtest::agent
