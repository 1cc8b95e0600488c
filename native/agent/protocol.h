// The agent protocol as constants and parsed requests. The document is docs/agent-protocol.md; the
// other side is runner/agent/protocol.ts. Change all three together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vmtest::agent {

inline constexpr uint32_t kProtocolVersion = 2;
inline constexpr std::string_view kAgentVersion = "0.1.0";
inline constexpr uint32_t kVsockPort = 1024;

// u32 payload length (little endian), u8 type.
inline constexpr size_t kFrameHeader = 5;
inline constexpr size_t kMaxPayload = 64 * 1024;
// A command line and its environment may be larger than anything else that is sent.
inline constexpr size_t kMaxExecPayload = 1024 * 1024;

inline constexpr uint32_t kStdinWindow = 256 * 1024;
inline constexpr uint32_t kMaxWindow = 1U << 30;
inline constexpr uint32_t kMaxGraceMs = 60'000;
inline constexpr size_t kMaxName = 255;
// Open directories on the way down a tree; one descriptor each.
inline constexpr size_t kMaxDepth = 512;
// What one GLOB may answer, so that neither side holds more.
inline constexpr size_t kMaxMatches = 10'000;
inline constexpr size_t kMaxMatchBytes = 1024 * 1024;

enum class FrameType : uint8_t {
  kHello = 0x01,
  kError = 0x02,
  kOk = 0x03,
  kPong = 0x04,
  kMeasured = 0x05,

  kExec = 0x10,
  kPutFile = 0x11,
  kGetFile = 0x12,
  kPutTree = 0x13,
  kGetTree = 0x14,
  kSetClock = 0x15,
  kPower = 0x16,
  kPing = 0x17,
  kGlob = 0x18,
  kMeasure = 0x19,

  kStarted = 0x20,
  kStdin = 0x21,
  kStdinEof = 0x22,
  kStdinClosed = 0x23,
  kStdout = 0x24,
  kStderr = 0x25,
  kWindow = 0x26,
  kSignal = 0x27,
  kResize = 0x28,
  kExit = 0x29,
  kOutputEof = 0x2a,

  kEntry = 0x30,
  kData = 0x31,
  kHole = 0x32,
  kFileEnd = 0x33,
  kLeave = 0x34,
  kSkipped = 0x35,
  kMatch = 0x36,
};

struct ExecRequest {
  std::vector<std::string> argv;  // never empty
  std::vector<std::string> set;   // "NAME=VALUE"
  std::vector<std::string> unset;
  bool clean_env = false;
  bool want_stdin = false;
  bool want_pty = false;
  std::string cwd;   // empty: "/"
  std::string user;  // empty: as the agent
  uint16_t rows = 0;
  uint16_t cols = 0;
  uint32_t stdout_window = 0;
  uint32_t stderr_window = 0;
  uint32_t grace_ms = 0;
};

struct TransferRequest {
  std::string path;
  bool set_owner = false;
  bool make_parents = false;
  bool set_times = false;
};

struct GlobRequest {
  std::string pattern;   // absolute
  bool literal = false;  // a path and nothing else
};

// What a match of a GLOB leads to; kOther is also a link that leads nowhere.
enum class MatchKind : uint8_t { kOther = 0, kFile = 1, kDirectory = 2 };

struct ClockRequest {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
};

enum class PowerAction : uint8_t { kPowerOff = 0, kReboot = 1, kHalt = 2 };

struct Window {
  uint8_t stream = 0;  // 1 stdout, 2 stderr
  uint32_t increment = 0;
};

struct Resize {
  uint16_t rows = 0;
  uint16_t cols = 0;
};

enum class EntryKind : uint8_t { kFile = 1, kDirectory = 2, kSymlink = 3 };

// One file, directory or symbolic link of a transfer. `name` is one path component, so that a
// path which climbs out of the tree cannot be written down at all; the root's name is empty.
struct Entry {
  EntryKind kind = EntryKind::kFile;
  std::string name;
  uint32_t mode = 0;  // permission bits, 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime_seconds = 0;
  uint32_t mtime_nanoseconds = 0;
  std::string target;  // of a symbolic link
};

}  // namespace vmtest::agent
