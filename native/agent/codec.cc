#include "agent/codec.h"

#include <cstring>

namespace vmtest::agent {
namespace {

uint32_t Load32(const char* bytes) {
  unsigned char raw[4];
  std::memcpy(raw, bytes, sizeof raw);
  return uint32_t{raw[0]} | uint32_t{raw[1]} << 8 | uint32_t{raw[2]} << 16 | uint32_t{raw[3]} << 24;
}

void ReadStrings(Reader* reader, std::vector<std::string>* out) {
  const uint32_t count = reader->U32();
  for (uint32_t i = 0; i < count && reader->ok(); ++i) {
    out->push_back(reader->CString());
  }
}

constexpr uint8_t kCleanEnv = 1;
constexpr uint8_t kWantStdin = 2;
constexpr uint8_t kWantPty = 4;

constexpr uint8_t kSetOwner = 1;
constexpr uint8_t kMakeParents = 2;
constexpr uint8_t kSetTimes = 4;

constexpr uint8_t kLiteral = 1;

// Linux numbers its signals 1 to 64 (signal(7)).
constexpr uint32_t kLastSignal = 64;

constexpr uint32_t kBillion = 1'000'000'000;

}  // namespace

size_t PayloadLimit(FrameType type) {
  return type == FrameType::kExec ? kMaxExecPayload : kMaxPayload;
}

char* FrameBuffer::Space(size_t size) {
  if (begin_ > 0) {
    std::memmove(data_.data(), data_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (data_.size() - end_ < size) {
    data_.resize(end_ + size);
  }
  return data_.data() + end_;
}

void FrameBuffer::Commit(size_t size) { end_ += size; }

FrameBuffer::Status FrameBuffer::Next(Frame* frame) {
  const size_t held = end_ - begin_;
  if (held < kFrameHeader) {
    return Status::kNeedMore;
  }
  const char* start = data_.data() + begin_;
  const size_t length = Load32(start);
  const auto type = static_cast<FrameType>(static_cast<unsigned char>(start[4]));
  if (length > PayloadLimit(type)) {
    return Status::kTooLong;
  }
  if (held - kFrameHeader < length) {
    return Status::kNeedMore;
  }
  frame->type = type;
  frame->payload = std::string_view(start + kFrameHeader, length);
  begin_ += kFrameHeader + length;
  return Status::kFrame;
}

uint64_t Reader::Little(size_t size) {
  if (!ok_ || data_.size() < size) {
    ok_ = false;
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= uint64_t{static_cast<unsigned char>(data_[i])} << (8 * i);
  }
  data_.remove_prefix(size);
  return value;
}

uint8_t Reader::U8() { return static_cast<uint8_t>(Little(1)); }
uint16_t Reader::U16() { return static_cast<uint16_t>(Little(2)); }
uint32_t Reader::U32() { return static_cast<uint32_t>(Little(4)); }
uint64_t Reader::U64() { return Little(8); }

std::string_view Reader::String() {
  const size_t length = U32();
  if (!ok_ || data_.size() < length) {
    ok_ = false;
    return {};
  }
  const std::string_view value(data_.data(), length);
  data_.remove_prefix(length);
  return value;
}

std::string Reader::CString() {
  const std::string_view value = String();
  if (value.find('\0') != std::string_view::npos) {
    ok_ = false;
    return {};
  }
  return std::string(value);
}

uint8_t Reader::Flags(uint8_t known) {
  const uint8_t value = U8();
  if ((value & ~known) != 0) {
    ok_ = false;
  }
  return value;
}

FrameWriter::FrameWriter(std::string* out, FrameType type) : out_(out), start_(out->size()) {
  out_->append(4, '\0');
  out_->push_back(static_cast<char>(type));
}

FrameWriter::~FrameWriter() {
  const size_t length = out_->size() - start_ - kFrameHeader;
  for (size_t i = 0; i < 4; ++i) {
    (*out_)[start_ + i] = static_cast<char>(length >> (8 * i) & 0xff);
  }
}

FrameWriter& FrameWriter::Little(uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    out_->push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }
  return *this;
}

FrameWriter& FrameWriter::U8(uint8_t value) { return Little(value, 1); }
FrameWriter& FrameWriter::U16(uint16_t value) { return Little(value, 2); }
FrameWriter& FrameWriter::U32(uint32_t value) { return Little(value, 4); }
FrameWriter& FrameWriter::U64(uint64_t value) { return Little(value, 8); }

FrameWriter& FrameWriter::String(std::string_view value) {
  U32(static_cast<uint32_t>(value.size()));
  return Raw(value);
}

FrameWriter& FrameWriter::Raw(std::string_view bytes) {
  out_->append(bytes.data(), bytes.size());
  return *this;
}

std::optional<ExecRequest> ParseExec(std::string_view payload) {
  Reader reader(payload);
  ExecRequest request;
  ReadStrings(&reader, &request.argv);
  const uint8_t flags = reader.Flags(kCleanEnv | kWantStdin | kWantPty);
  request.clean_env = (flags & kCleanEnv) != 0;
  request.want_stdin = (flags & kWantStdin) != 0;
  request.want_pty = (flags & kWantPty) != 0;
  ReadStrings(&reader, &request.set);
  ReadStrings(&reader, &request.unset);
  request.cwd = reader.CString();
  request.user = reader.CString();
  request.rows = reader.U16();
  request.cols = reader.U16();
  request.stdout_window = reader.U32();
  request.stderr_window = reader.U32();
  request.grace_ms = reader.U32();
  for (const std::string& pair : request.set) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      reader.Refuse();
    }
  }
  if (!reader.Complete() || request.argv.empty() || request.argv[0].empty() ||
      request.stdout_window > kMaxWindow || request.stderr_window > kMaxWindow ||
      request.grace_ms > kMaxGraceMs) {
    return std::nullopt;
  }
  return request;
}

std::optional<TransferRequest> ParseTransfer(std::string_view payload) {
  Reader reader(payload);
  TransferRequest request;
  request.path = reader.CString();
  const uint8_t flags = reader.Flags(kSetOwner | kMakeParents | kSetTimes);
  request.set_owner = (flags & kSetOwner) != 0;
  request.make_parents = (flags & kMakeParents) != 0;
  request.set_times = (flags & kSetTimes) != 0;
  // Relative to what? The agent's own directory means nothing to the host.
  if (!reader.Complete() || request.path.empty() || request.path[0] != '/') {
    return std::nullopt;
  }
  return request;
}

std::optional<GlobRequest> ParseGlob(std::string_view payload) {
  Reader reader(payload);
  GlobRequest request;
  request.pattern = reader.CString();
  request.literal = (reader.Flags(kLiteral) & kLiteral) != 0;
  if (!reader.Complete() || request.pattern.empty() || request.pattern[0] != '/') {
    return std::nullopt;
  }
  return request;
}

std::optional<ClockRequest> ParseClock(std::string_view payload) {
  Reader reader(payload);
  ClockRequest request;
  request.seconds = static_cast<int64_t>(reader.U64());
  request.nanoseconds = reader.U32();
  if (!reader.Complete() || request.seconds < 0 || request.nanoseconds >= kBillion) {
    return std::nullopt;
  }
  return request;
}

std::optional<PowerAction> ParsePower(std::string_view payload) {
  Reader reader(payload);
  const uint8_t action = reader.U8();
  if (!reader.Complete() || action > static_cast<uint8_t>(PowerAction::kHalt)) {
    return std::nullopt;
  }
  return static_cast<PowerAction>(action);
}

std::optional<Window> ParseWindow(std::string_view payload) {
  Reader reader(payload);
  Window window;
  window.stream = reader.U8();
  window.increment = reader.U32();
  if (!reader.Complete() || window.stream < 1 || window.stream > 2 || window.increment == 0 ||
      window.increment > kMaxWindow) {
    return std::nullopt;
  }
  return window;
}

std::optional<int> ParseSignal(std::string_view payload) {
  Reader reader(payload);
  const uint32_t number = reader.U32();
  if (!reader.Complete() || number < 1 || number > kLastSignal) {
    return std::nullopt;
  }
  return static_cast<int>(number);
}

std::optional<Resize> ParseResize(std::string_view payload) {
  Reader reader(payload);
  Resize resize;
  resize.rows = reader.U16();
  resize.cols = reader.U16();
  if (!reader.Complete()) {
    return std::nullopt;
  }
  return resize;
}

std::optional<Entry> ParseEntry(std::string_view payload, bool root) {
  Reader reader(payload);
  Entry entry;
  const uint8_t kind = reader.U8();
  entry.name = reader.CString();
  entry.mode = reader.U32();
  entry.uid = reader.U32();
  entry.gid = reader.U32();
  entry.mtime_seconds = static_cast<int64_t>(reader.U64());
  entry.mtime_nanoseconds = reader.U32();
  entry.target = reader.CString();
  if (!reader.Complete() || kind < 1 || kind > 3 || entry.mode > 07777 ||
      entry.mtime_nanoseconds >= kBillion) {
    return std::nullopt;
  }
  entry.kind = static_cast<EntryKind>(kind);
  const bool name_fits = root ? entry.name.empty() : IsPlainName(entry.name);
  const bool target_fits = (entry.kind == EntryKind::kSymlink) != entry.target.empty();
  if (!name_fits || !target_fits) {
    return std::nullopt;
  }
  return entry;
}

std::optional<uint64_t> ParseLength(std::string_view payload) {
  Reader reader(payload);
  const uint64_t length = reader.U64();
  // A file offset is a signed 64-bit number (off_t).
  if (!reader.Complete() || length > uint64_t{INT64_MAX}) {
    return std::nullopt;
  }
  return length;
}

void WriteEntry(std::string* out, const Entry& entry) {
  FrameWriter(out, FrameType::kEntry)
      .U8(static_cast<uint8_t>(entry.kind))
      .String(entry.name)
      .U32(entry.mode)
      .U32(entry.uid)
      .U32(entry.gid)
      .U64(static_cast<uint64_t>(entry.mtime_seconds))
      .U32(entry.mtime_nanoseconds)
      .String(entry.target);
}

void WriteMatch(std::string* out, MatchKind kind, std::string_view path) {
  FrameWriter(out, FrameType::kMatch).U8(static_cast<uint8_t>(kind)).String(path);
}

void WriteError(std::string* out, std::string_view code, int os_error, std::string_view message) {
  const char* name = os_error > 0 ? ::strerrorname_np(os_error) : nullptr;
  FrameWriter(out, FrameType::kError)
      .String(code)
      .U32(static_cast<uint32_t>(os_error))
      .String(name != nullptr ? name : "")
      .String(message);
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace vmtest::agent
