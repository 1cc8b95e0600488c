#include "control/replies.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace vmtest {
namespace {

using Json = nlohmann::json;

TEST(RepliesTest, EveryEndHasItsKindAndFields) {
  const auto reason = [](const GuestEnd& end) { return Json::parse(FormatEnded(end))["reason"]; };
  EXPECT_EQ(reason(PoweredOff{}), Json({{"kind", "poweroff"}}));
  EXPECT_EQ(reason(ResetRequested{ResetSource::kI8042}),
            Json({{"kind", "reset"}, {"by", "i8042"}}));
  EXPECT_EQ(reason(Panicked{}), Json({{"kind", "panic"}}));
  EXPECT_EQ(reason(TripleFault{}), Json({{"kind", "triple-fault"}}));
  EXPECT_EQ(reason(DebugExited{.code = 3}), Json({{"kind", "debug-exit"}, {"code", 3}}));
  EXPECT_EQ(reason(EntryFailure{.hardware_reason = 0x80000021}),
            Json({{"kind", "entry-failure"}, {"hardware_reason", "0x80000021"}}));
  EXPECT_EQ(reason(Killed{}), Json({{"kind", "killed"}}));
  EXPECT_EQ(reason(FrontEndGone{}), Json({{"kind", "front-end-gone"}}));
  EXPECT_EQ(reason(HostError{.error = {.code = ErrorCode::kIo, .message = "no"}}),
            Json({{"kind", "host-error"}, {"code", "io"}, {"message", "no"}}));
  EXPECT_EQ(reason(KvmInternalError{.suberror = 1,
                                    .data = {UINT64_MAX},
                                    .registers = {{"rip", 0x1000}},
                                    .rip_bytes = {0x0f, 0xae}}),
            Json({{"kind", "kvm-internal-error"},
                  {"suberror", 1},
                  {"data", {"0xffffffffffffffff"}},
                  {"registers", {{"rip", "0x1000"}}},
                  {"rip_bytes", "0fae"}}));
}

TEST(RepliesTest, SumsTheExitsOfAllCpus) {
  Statistics statistics;
  statistics.vcpus = {{.io = 1, .mmio = 2}, {.io = 10, .hlt = 4}};
  statistics.queues["rng.0"] = {.popped = 5, .pushed = 4, .notified = 3, .signalled = 2};
  const Json json = Json::parse(FormatOkStatistics(4, statistics));
  EXPECT_EQ(json["reply"], 4);
  EXPECT_EQ(json["ok"]["exits"]["io"], 11);
  EXPECT_EQ(json["ok"]["vcpus"][1]["hlt"], 4);
  EXPECT_EQ(json["ok"]["queues"]["rng.0"]["pushed"], 4);
}

TEST(RepliesTest, BytesThatAreNotUtf8DoNotBreakAMessage) {
  const Json json = Json::parse(FormatLog(LogLevel::kWarning, "bad \xff\xfe byte"));
  EXPECT_EQ(json["level"], "warning");
}

TEST(RepliesTest, ErrorNamesItsSubjectWhenThereIsOne) {
  const Json with = Json::parse(FormatError(
      2, {.code = ErrorCode::kBusy, .message = "held", .os_error = 0, .subject = "disks[1]"}));
  EXPECT_EQ(with["error"]["code"], "busy");
  EXPECT_EQ(with["error"]["subject"], "disks[1]");
  const Json without = Json::parse(FormatError(2, {.code = ErrorCode::kIo, .message = "m"}));
  EXPECT_FALSE(without["error"].contains("subject"));
}

}  // namespace
}  // namespace vmtest
