// Bytes to frames and frames to values. Everything that is read is checked here, before anything
// acts on it; this file and codec.cc are what the fuzz target drives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/protocol.h"

namespace vmtest::agent {

struct Frame {
  FrameType type;
  std::string_view payload;  // valid until the FrameBuffer is next touched
};

// Collects bytes from a stream and cuts them into frames.
class FrameBuffer {
 public:
  enum class Status {
    kFrame,
    kNeedMore,
    kTooLong,  // the length is over the limit of its type; the stream cannot be followed further
  };

  // Room for at least `size` bytes; ends the life of every payload that was handed out.
  char* Space(size_t size);
  // Says that `size` bytes of that room were filled.
  void Commit(size_t size);
  Status Next(Frame* frame);
  // Bytes held that are not yet part of a returned frame.
  size_t pending() const { return end_ - begin_; }

 private:
  std::string data_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// The longest payload that a frame of this type may have.
size_t PayloadLimit(FrameType type);

// Reads fields in order. After the first field that is not there, every read answers zero and
// `Complete` is false.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  uint8_t U8();
  uint16_t U16();
  uint32_t U32();
  uint64_t U64();
  std::string_view String();
  // A string that will be handed to the kernel as a C string: a NUL in it is a mistake.
  std::string CString();
  // A flag byte in which only the bits of `known` may be set.
  uint8_t Flags(uint8_t known);
  void Refuse() { ok_ = false; }
  bool ok() const { return ok_; }
  // True when all went well and nothing is left over.
  bool Complete() const { return ok_ && data_.empty(); }

 private:
  uint64_t Little(size_t size);

  std::string_view data_;
  bool ok_ = true;
};

// Appends one frame to `out`; the destructor fills the length in.
class FrameWriter {
 public:
  FrameWriter(std::string* out, FrameType type);
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;
  ~FrameWriter();
  FrameWriter& U8(uint8_t value);
  FrameWriter& U16(uint16_t value);
  FrameWriter& U32(uint32_t value);
  FrameWriter& U64(uint64_t value);
  FrameWriter& String(std::string_view value);
  FrameWriter& Raw(std::string_view bytes);

 private:
  FrameWriter& Little(uint64_t value, size_t size);

  std::string* out_;
  size_t start_;
};

// Each answers nothing when the payload is not exactly one well-formed value.
std::optional<ExecRequest> ParseExec(std::string_view payload);
std::optional<TransferRequest> ParseTransfer(std::string_view payload);
std::optional<GlobRequest> ParseGlob(std::string_view payload);
std::optional<ClockRequest> ParseClock(std::string_view payload);
std::optional<PowerAction> ParsePower(std::string_view payload);
std::optional<Window> ParseWindow(std::string_view payload);
std::optional<int> ParseSignal(std::string_view payload);
std::optional<Resize> ParseResize(std::string_view payload);
std::optional<Entry> ParseEntry(std::string_view payload, bool root);
std::optional<uint64_t> ParseLength(std::string_view payload);

void WriteEntry(std::string* out, const Entry& entry);
void WriteMatch(std::string* out, MatchKind kind, std::string_view path);
void WriteError(std::string* out, std::string_view code, int os_error, std::string_view message);

// True for a name that can stand in a directory: one component, not "." or "..", at most 255 bytes.
bool IsPlainName(std::string_view name);

}  // namespace vmtest::agent
