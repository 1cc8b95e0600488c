#include "control/requests.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace vmtest {
namespace {

std::vector<UniqueFd> Descriptors(size_t count) {
  std::vector<UniqueFd> descriptors;
  for (size_t i = 0; i < count; ++i) {
    descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  return descriptors;
}

TEST(RequestsTest, ReadsAFullConfiguration) {
  auto descriptors = Descriptors(5);
  const int kernel = descriptors[0].get();
  const int overlay = descriptors[4].get();
  const auto request = ParseRequest(
      R"({"id":7,"type":"configure","cpus":4,"memory_mib":512,"kernel":0,"initrd":1,
          "cmdline":"console=ttyS0","console":2,"nested":true,"pmu":true,"sve":true,"rtc_base":-5,
          "disks":[{"file":3,"mode":"overlay","overlay":4,"serial":"disk0"}]})",
      std::move(descriptors));
  ASSERT_TRUE(request.has_value()) << request.error().error.message;
  EXPECT_EQ(request->id, 7u);
  const auto& config = std::get<ConfigureRequest>(request->command).config;
  EXPECT_EQ(config.cpus, 4u);
  EXPECT_EQ(config.memory_mib, 512u);
  EXPECT_EQ(config.kernel.get(), kernel);
  EXPECT_TRUE(config.initrd.valid());
  EXPECT_TRUE(config.nested);
  EXPECT_TRUE(config.pmu);
  EXPECT_TRUE(config.sve);
  EXPECT_EQ(config.rtc_base, -5);
  ASSERT_EQ(config.disks.size(), 1u);
  EXPECT_EQ(config.disks[0].mode, DiskMode::kOverlay);
  EXPECT_EQ(config.disks[0].overlay.get(), overlay);
  EXPECT_EQ(config.disks[0].serial, "disk0");
}

TEST(RequestsTest, ReadsTheSmallOnes) {
  const auto connect = ParseRequest(R"({"id":1,"type":"vsock-connect","port":4294967295})", {});
  ASSERT_TRUE(connect.has_value());
  EXPECT_EQ(std::get<VsockConnectRequest>(connect->command).port, UINT32_MAX);
  for (const char* type : {"start", "pause", "resume", "stop", "stats"}) {
    EXPECT_TRUE(ParseRequest(std::string(R"({"id":1,"type":")") + type + "\"}", {}).has_value());
  }
}

TEST(RequestsTest, AttachTakesItsSocket) {
  auto descriptors = Descriptors(1);
  const int socket = descriptors[0].get();
  const auto attach =
      ParseRequest(R"({"id":1,"type":"attach","socket":0})", std::move(descriptors));
  ASSERT_TRUE(attach.has_value());
  EXPECT_EQ(std::get<AttachRequest>(attach->command).socket.get(), socket);
  EXPECT_FALSE(ParseRequest(R"({"id":1,"type":"attach"})", {}).has_value());
  EXPECT_FALSE(ParseRequest(R"({"id":1,"type":"attach","socket":0})", {}).has_value());
}

struct BadCase {
  const char* text;
  size_t descriptors;
  uint64_t id;
  const char* subject;
};

constexpr const char* kBase = R"("id":9,"type":"configure","memory_mib":64,"cmdline":"")";

class BadRequestTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadRequestTest, IsRefusedWithItsSubject) {
  const BadCase& bad = GetParam();
  std::string text = bad.text;
  if (const size_t at = text.find("BASE"); at != std::string::npos) {
    text.replace(at, 4, kBase);
  }
  auto descriptors = Descriptors(bad.descriptors);
  std::vector<int> raw;
  for (const auto& descriptor : descriptors) {
    raw.push_back(descriptor.get());
  }
  const auto request = ParseRequest(text, std::move(descriptors));
  ASSERT_FALSE(request.has_value()) << text;
  EXPECT_EQ(request.error().id, bad.id) << request.error().error.message;
  EXPECT_EQ(request.error().error.subject, bad.subject) << request.error().error.message;
  for (const int fd : raw) {
    EXPECT_LT(::fcntl(fd, F_GETFD), 0) << "a descriptor of a bad request stays open";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadRequestTest,
    ::testing::Values(
        BadCase{"", 0, 0, ""}, BadCase{"{", 0, 0, ""}, BadCase{"[]", 0, 0, ""},
        BadCase{"7", 1, 0, ""}, BadCase{R"({"type":"start"})", 0, 0, "id"},
        BadCase{R"({"id":0,"type":"start"})", 0, 0, "id"},
        BadCase{R"({"id":-1,"type":"start"})", 0, 0, "id"},
        BadCase{R"({"id":9007199254740992,"type":"start"})", 0, 0, "id"},
        BadCase{R"({"id":1.5,"type":"start"})", 0, 0, "id"}, BadCase{R"({"id":3})", 0, 3, "type"},
        BadCase{R"({"id":3,"type":5})", 0, 3, "type"},
        BadCase{R"({"id":3,"type":"format-disk"})", 0, 3, "type"},
        BadCase{R"({"id":3,"type":"start","now":true})", 0, 3, "now"},
        BadCase{R"({"id":3,"type":"start"})", 1, 3, ""},
        BadCase{R"({"id":3,"type":"vsock-connect"})", 0, 3, "port"},
        BadCase{R"({"id":3,"type":"vsock-connect","port":4294967296})", 0, 3, "port"},
        BadCase{R"({"id":3,"type":"vsock-listen","port":"80"})", 0, 3, "port"},
        BadCase{R"({BASE,"cpus":0,"kernel":0})", 1, 9, "cpus"},
        BadCase{R"({BASE,"cpus":33,"kernel":0})", 1, 9, "cpus"},
        BadCase{R"({BASE,"cpus":1})", 0, 9, "kernel"},
        BadCase{R"({BASE,"cpus":1,"kernel":1})", 1, 9, "kernel"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"initrd":0})", 1, 9, "initrd"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"nested":1})", 1, 9, "nested"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"pmu":1})", 1, 9, "pmu"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"sve":"no"})", 1, 9, "sve"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"rtc_base":18446744073709551615})", 1, 9, "rtc_base"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"disks":{}})", 1, 9, "disks"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"disks":[1]})", 1, 9, "disks[0]"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"disks":[{"file":1,"mode":"x"}]})", 2, 9,
                "disks[0].mode"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"disks":[{"file":1,"mode":"rw","overlay":2}]})", 3, 9,
                "disks[0].overlay"},
        BadCase{R"({BASE,"cpus":1,"kernel":0,"disks":[{"file":1,"mode":"ro","a":0}]})", 2, 9,
                "disks[0].a"},
        BadCase{R"({"id":9,"type":"configure","memory_mib":63,"cmdline":"","cpus":1,"kernel":0})",
                1, 9, "memory_mib"},
        BadCase{
            R"({"id":9,"type":"configure","memory_mib":65537,"cmdline":"","cpus":1,"kernel":0})", 1,
            9, "memory_mib"},
        BadCase{
            R"({"id":9,"type":"configure","memory_mib":64,"cmdline":"a\u0000b","cpus":1,"kernel":0})",
            1, 9, "cmdline"}));

}  // namespace
}  // namespace vmtest
