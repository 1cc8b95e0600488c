#include "agent/codec.h"

#include <gtest/gtest.h>

#include <cstring>

namespace vmtest::agent {
namespace {

std::string_view Payload(const std::string& frame) {
  return std::string_view(frame).substr(kFrameHeader);
}

void Feed(FrameBuffer* buffer, std::string_view bytes) {
  std::memcpy(buffer->Space(bytes.size()), bytes.data(), bytes.size());
  buffer->Commit(bytes.size());
}

void AddStrings(FrameWriter* writer, const std::vector<std::string>& strings) {
  writer->U32(static_cast<uint32_t>(strings.size()));
  for (const auto& string : strings) {
    writer->String(string);
  }
}

struct ExecFields {
  std::vector<std::string> argv = {"true"};
  uint8_t flags = 0;
  std::vector<std::string> set;
  std::vector<std::string> unset;
  std::string cwd;
  uint32_t window = 1024;
  uint32_t grace = 250;
};

std::string MakeExec(const ExecFields& fields) {
  std::string frame;
  {
    FrameWriter writer(&frame, FrameType::kExec);
    AddStrings(&writer, fields.argv);
    writer.U8(fields.flags);
    AddStrings(&writer, fields.set);
    AddStrings(&writer, fields.unset);
    writer.String(fields.cwd).String("nobody").U16(24).U16(80);
    writer.U32(fields.window).U32(fields.window).U32(fields.grace);
  }
  return frame;
}

std::string MakeEntry(uint8_t kind, std::string_view name, std::string_view target,
                      uint32_t mode = 0644, uint32_t nanoseconds = 0) {
  std::string frame;
  FrameWriter(&frame, FrameType::kEntry)
      .U8(kind)
      .String(name)
      .U32(mode)
      .U32(1)
      .U32(2)
      .U64(3)
      .U32(nanoseconds)
      .String(target);
  return frame;
}

TEST(FrameBufferTest, CutsAStreamThatComesByteByByte) {
  std::string stream;
  FrameWriter(&stream, FrameType::kPing).Raw("hello");
  {
    const FrameWriter empty(&stream, FrameType::kStdinEof);
  }
  FrameBuffer buffer;
  Frame frame{};
  std::vector<std::pair<FrameType, std::string>> seen;
  for (const char byte : stream) {
    Feed(&buffer, {&byte, 1});
    while (buffer.Next(&frame) == FrameBuffer::Status::kFrame) {
      seen.emplace_back(frame.type, std::string(frame.payload));
    }
  }
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].first, FrameType::kPing);
  EXPECT_EQ(seen[0].second, "hello");
  EXPECT_EQ(seen[1].first, FrameType::kStdinEof);
  EXPECT_EQ(seen[1].second, "");
  EXPECT_EQ(buffer.pending(), 0U);
}

TEST(FrameBufferTest, TheLimitDependsOnTheType) {
  struct Case {
    uint32_t length;
    FrameType type;
    FrameBuffer::Status status;
  };
  const Case cases[] = {
      {65536, FrameType::kStdin, FrameBuffer::Status::kNeedMore},
      {65537, FrameType::kStdin, FrameBuffer::Status::kTooLong},
      {65537, FrameType::kExec, FrameBuffer::Status::kNeedMore},
      {1048577, FrameType::kExec, FrameBuffer::Status::kTooLong},
      {UINT32_MAX, FrameType::kPing, FrameBuffer::Status::kTooLong},
      {65537, static_cast<FrameType>(0xff), FrameBuffer::Status::kTooLong},
  };
  for (const Case& test : cases) {
    std::string header;
    for (int i = 0; i < 4; ++i) {
      header.push_back(static_cast<char>(test.length >> (8 * i) & 0xff));
    }
    header.push_back(static_cast<char>(test.type));
    FrameBuffer buffer;
    Feed(&buffer, header);
    Frame frame{};
    EXPECT_EQ(buffer.Next(&frame), test.status) << test.length;
  }
}

TEST(ParseExecTest, TakesAWholeRequest) {
  const std::string frame = MakeExec(
      {.argv = {"sh", "-c", ""}, .flags = 7, .set = {"A=", "B=c=d"}, .unset = {"C"}, .cwd = "/x"});
  const auto request = ParseExec(Payload(frame));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->argv, (std::vector<std::string>{"sh", "-c", ""}));
  EXPECT_TRUE(request->clean_env && request->want_stdin && request->want_pty);
  EXPECT_EQ(request->set, (std::vector<std::string>{"A=", "B=c=d"}));
  EXPECT_EQ(request->unset, std::vector<std::string>{"C"});
  EXPECT_EQ(request->cwd, "/x");
  EXPECT_EQ(request->user, "nobody");
  EXPECT_EQ(request->rows, 24);
  EXPECT_EQ(request->cols, 80);
  EXPECT_EQ(request->stderr_window, 1024U);
  EXPECT_EQ(request->grace_ms, 250U);
}

TEST(ParseExecTest, RefusesWhatIsMalformed) {
  const std::pair<const char*, ExecFields> cases[] = {
      {"no argv", {.argv = {}}},
      {"an empty program", {.argv = {""}}},
      {"a NUL in an argument", {.argv = {"sh", std::string("a\0b", 3)}}},
      {"an unknown flag", {.flags = 8}},
      {"a variable without a value", {.set = {"A"}}},
      {"a variable without a name", {.set = {"=x"}}},
      {"a NUL in the directory", {.cwd = std::string("\0", 1)}},
      {"a window over the limit", {.window = kMaxWindow + 1}},
      {"a grace over the limit", {.grace = kMaxGraceMs + 1}},
  };
  ASSERT_TRUE(ParseExec(Payload(MakeExec({}))).has_value());
  for (const auto& [name, fields] : cases) {
    EXPECT_FALSE(ParseExec(Payload(MakeExec(fields))).has_value()) << name;
  }
}

TEST(ParseExecTest, RefusesEveryTruncationAndAnythingThatFollows) {
  const std::string frame = MakeExec({.argv = {"sh", "-c", "x"}, .set = {"A=b"}, .cwd = "/"});
  const std::string_view payload = Payload(frame);
  for (size_t length = 0; length < payload.size(); ++length) {
    EXPECT_FALSE(ParseExec(payload.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(ParseExec(std::string(payload) + "x").has_value());
}

TEST(ParseExecTest, ACountThatLiesCostsNoMemory) {
  EXPECT_FALSE(ParseExec(std::string(4, '\xff')).has_value());
}

TEST(ParseEntryTest, ANameIsOnePlainComponent) {
  const std::string longest(255, 'n');
  for (const auto& name : {std::string("a"), std::string("..."), std::string(".a"), longest}) {
    EXPECT_TRUE(ParseEntry(Payload(MakeEntry(1, name, "")), false).has_value()) << name;
  }
  for (const auto& name : {std::string(""), std::string("."), std::string(".."), std::string("a/b"),
                           std::string("/"), std::string("a\0", 2), std::string(256, 'n')}) {
    EXPECT_FALSE(ParseEntry(Payload(MakeEntry(1, name, "")), false).has_value()) << name;
  }
  EXPECT_TRUE(ParseEntry(Payload(MakeEntry(2, "", "")), true).has_value());
  EXPECT_FALSE(ParseEntry(Payload(MakeEntry(2, "a", "")), true).has_value());
}

TEST(ParseEntryTest, RefusesWhatIsMalformed) {
  struct Case {
    const char* name;
    std::string frame;
  };
  const Case cases[] = {
      {"kind 0", MakeEntry(0, "a", "")},
      {"kind 4", MakeEntry(4, "a", "")},
      {"a file with a target", MakeEntry(1, "a", "b")},
      {"a link without a target", MakeEntry(3, "a", "")},
      {"a mode with a file type", MakeEntry(1, "a", "", 0100644)},
      {"a billion nanoseconds", MakeEntry(1, "a", "", 0644, 1'000'000'000)},
  };
  for (const Case& test : cases) {
    EXPECT_FALSE(ParseEntry(Payload(test.frame), false).has_value()) << test.name;
  }
}

TEST(ParseEntryTest, ReadsWhatWriteEntryWrote) {
  Entry entry;
  entry.kind = EntryKind::kSymlink;
  entry.name = "link";
  entry.mode = 07777;
  entry.uid = 1000;
  entry.gid = UINT32_MAX;
  entry.mtime_seconds = -1;
  entry.mtime_nanoseconds = 999'999'999;
  entry.target = "../elsewhere";
  std::string frame;
  WriteEntry(&frame, entry);
  const auto read = ParseEntry(Payload(frame), false);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->name, entry.name);
  EXPECT_EQ(read->mode, entry.mode);
  EXPECT_EQ(read->uid, entry.uid);
  EXPECT_EQ(read->gid, entry.gid);
  EXPECT_EQ(read->mtime_seconds, entry.mtime_seconds);
  EXPECT_EQ(read->mtime_nanoseconds, entry.mtime_nanoseconds);
  EXPECT_EQ(read->target, entry.target);
}

TEST(ParseSmallTest, TakesTheRangesOfTheDocument) {
  const auto u8 = [](unsigned value) { return std::string(1, static_cast<char>(value)); };
  const auto u32 = [](uint32_t value) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }
    return bytes;
  };
  EXPECT_EQ(ParseSignal(u32(64)), 64);
  EXPECT_FALSE(ParseSignal(u32(0)).has_value());
  EXPECT_FALSE(ParseSignal(u32(65)).has_value());
  EXPECT_EQ(ParsePower(u8(2)), PowerAction::kHalt);
  EXPECT_FALSE(ParsePower(u8(3)).has_value());
  EXPECT_TRUE(ParseWindow(u8(2) + u32(kMaxWindow)).has_value());
  EXPECT_FALSE(ParseWindow(u8(0) + u32(1)).has_value());
  EXPECT_FALSE(ParseWindow(u8(3) + u32(1)).has_value());
  EXPECT_FALSE(ParseWindow(u8(1) + u32(0)).has_value());
  EXPECT_FALSE(ParseWindow(u8(1) + u32(kMaxWindow + 1)).has_value());
  EXPECT_EQ(ParseLength(u32(7) + u32(0)), 7U);
  EXPECT_FALSE(ParseLength(u32(0) + u32(0x80000000U)).has_value());
  EXPECT_TRUE(ParseClock(u32(1) + u32(0) + u32(999'999'999)).has_value());
  EXPECT_FALSE(ParseClock(u32(1) + u32(0) + u32(1'000'000'000)).has_value());
  EXPECT_FALSE(ParseClock(u32(0) + u32(0x80000000U) + u32(0)).has_value());
  EXPECT_TRUE(ParseTransfer(u32(2) + "/x" + u8(7)).has_value());
  EXPECT_FALSE(ParseTransfer(u32(1) + "x" + u8(0)).has_value());
  EXPECT_FALSE(ParseTransfer(u32(0) + u8(0)).has_value());
  EXPECT_FALSE(ParseTransfer(u32(2) + "/x" + u8(8)).has_value());
  EXPECT_FALSE(ParseGlob(u32(2) + "/*" + u8(0))->literal);
  EXPECT_TRUE(ParseGlob(u32(2) + "/*" + u8(1))->literal);
  EXPECT_FALSE(ParseGlob(u32(2) + "/*" + u8(2)).has_value());
  EXPECT_FALSE(ParseGlob(u32(2) + "/*").has_value());
  EXPECT_FALSE(ParseGlob(u32(2) + "/*" + u8(0) + u8(0)).has_value());
  EXPECT_FALSE(ParseGlob(u32(1) + "*" + u8(0)).has_value());
  EXPECT_FALSE(ParseGlob(u32(0) + u8(0)).has_value());
  EXPECT_FALSE(ParseGlob(u32(3) + std::string("/\0a", 3) + u8(0)).has_value());
}

TEST(WriteMatchTest, IsAKindAndAPath) {
  std::string frame;
  WriteMatch(&frame, MatchKind::kDirectory, "/x");
  Reader reader(Payload(frame));
  EXPECT_EQ(reader.U8(), 2U);
  EXPECT_EQ(reader.String(), "/x");
  EXPECT_TRUE(reader.Complete());
}

TEST(WriteErrorTest, NamesTheErrno) {
  std::string frame;
  WriteError(&frame, "spawn", ENOENT, "exec");
  Reader reader(Payload(frame));
  EXPECT_EQ(reader.String(), "spawn");
  EXPECT_EQ(reader.U32(), static_cast<uint32_t>(ENOENT));
  EXPECT_EQ(reader.String(), "ENOENT");
  EXPECT_EQ(reader.String(), "exec");
  EXPECT_TRUE(reader.Complete());
}

}  // namespace
}  // namespace vmtest::agent
