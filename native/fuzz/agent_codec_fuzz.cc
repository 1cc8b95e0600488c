// The agent's frame parser and every request parser behind it, fed in pieces of changing size.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "agent/codec.h"
#include "agent/glob_pattern.h"
#include "agent/init.h"
#include "agent/users.h"

namespace {

using vmtest::agent::Frame;
using vmtest::agent::FrameBuffer;

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void ParseAll(std::string_view payload) {
  using namespace vmtest::agent;
  if (const auto request = ParseExec(payload)) {
    Require(!request->argv.empty() && request->grace_ms <= kMaxGraceMs);
  }
  if (const auto request = ParseTransfer(payload)) {
    Require(request->path[0] == '/' && request->path.find('\0') == std::string::npos);
  }
  if (const auto request = ParseGlob(payload)) {
    Require(request->pattern[0] == '/');
    for (const GlobPart& part : ParsePattern(request->pattern).parts) {
      Require(!part.text.empty() && part.text.find('/') == std::string::npos);
    }
  }
  for (const bool root : {false, true}) {
    const auto entry = ParseEntry(payload, root);
    if (!entry) {
      continue;
    }
    Require(root ? entry->name.empty() : IsPlainName(entry->name));
    // What was read writes itself back to the same bytes.
    std::string again;
    WriteEntry(&again, *entry);
    Require(std::string_view(again).substr(kFrameHeader) == payload);
  }
  (void)ParseClock(payload);
  (void)ParsePower(payload);
  (void)ParseWindow(payload);
  (void)ParseSignal(payload);
  (void)ParseResize(payload);
  (void)ParseLength(payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  FrameBuffer buffer;
  size_t at = 0;
  size_t step = 1;
  while (at < size) {
    const size_t count = std::min(step, size - at);
    std::memcpy(buffer.Space(count), data + at, count);
    buffer.Commit(count);
    at += count;
    step = step * 3 % 251 + 1;
    Frame frame{};
    auto status = buffer.Next(&frame);
    while (status == FrameBuffer::Status::kFrame) {
      Require(frame.payload.size() <= vmtest::agent::PayloadLimit(frame.type));
      ParseAll(frame.payload);
      status = buffer.Next(&frame);
    }
    if (status == FrameBuffer::Status::kTooLong) {
      break;
    }
  }
  ParseAll(input);
  (void)vmtest::agent::ResolveUser(input.substr(0, input.find('\n')), input, input);
  (void)vmtest::agent::ParseModuleList(input);
  return 0;
}
