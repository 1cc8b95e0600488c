#include "control/requests.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

namespace vmtest {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxId = (uint64_t{1} << 53) - 1;  // what a JavaScript number holds exactly

// Reads one JSON object and keeps account of it: what was not asked for is refused at the end.
// The first mistake is kept; what is read after it does not matter any more.
class ObjectReader {
 public:
  // `path` is the object's place in the request, as it stands in messages ("disks[0]").
  ObjectReader(const Json& object, std::string path, std::vector<UniqueFd>& descriptors)
      : object_(object), path_(std::move(path)), descriptors_(descriptors) {
    if (!object_.is_object()) {
      Wrong("", "must be an object");
    }
  }

  bool Has(const char* name) const { return object_.is_object() && object_.contains(name); }

  uint64_t Integer(const char* name, uint64_t min, uint64_t max) {
    const Json* value = Take(name);
    if (value == nullptr) {
      return min;
    }
    if (!value->is_number_integer() ||
        (!value->is_number_unsigned() && value->get<int64_t>() < 0) ||
        value->get<uint64_t>() < min || value->get<uint64_t>() > max) {
      Wrong(name, fmt::format("must be an integer from {} to {}", min, max));
      return min;
    }
    return value->get<uint64_t>();
  }

  int64_t SignedInteger(const char* name) {
    const Json* value = Take(name);
    if (value == nullptr || !value->is_number_integer() ||
        (value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX)) {
      Wrong(name, "must be an integer");
      return 0;
    }
    return value->get<int64_t>();
  }

  bool Boolean(const char* name) {
    const Json* value = Take(name);
    if (value == nullptr || !value->is_boolean()) {
      Wrong(name, "must be true or false");
      return false;
    }
    return value->get<bool>();
  }

  std::string Text(const char* name, size_t max) {
    const Json* value = Take(name);
    if (value == nullptr || !value->is_string()) {
      Wrong(name, "must be a string");
      return {};
    }
    std::string text = value->get<std::string>();
    if (text.size() > max || text.find('\0') != std::string::npos) {
      Wrong(name, fmt::format("must be at most {} bytes, without NUL", max));
      return {};
    }
    return text;
  }

  UniqueFd Descriptor(const char* name) {
    const uint64_t index = Integer(name, 0, UINT32_MAX);
    if (!ok()) {
      return UniqueFd();
    }
    if (index >= descriptors_.size() || !descriptors_[index]) {
      Wrong(name, "must be the index of a descriptor sent along, used once");
      return UniqueFd();
    }
    return std::move(descriptors_[index]);
  }

  const Json* Array(const char* name, size_t max) {
    const Json* value = Take(name);
    if (value == nullptr || !value->is_array() || value->size() > max) {
      Wrong(name, fmt::format("must be an array of at most {}", max));
      return nullptr;
    }
    return value;
  }

  void Wrong(std::string_view name, std::string_view what) {
    if (!error_) {
      const std::string subject = name.empty()    ? path_
                                  : path_.empty() ? std::string(name)
                                                  : fmt::format("{}.{}", path_, name);
      error_ = Error{.code = ErrorCode::kProtocol,
                     .message = fmt::format("{} {}", subject.empty() ? "request" : subject, what),
                     .subject = subject};
    }
  }

  // The mistake of an object inside of this one, which has named its place already.
  void Adopt(const Error& error) {
    if (!error_) {
      error_ = error;
    }
  }

  // Refuses fields that nobody took.
  void Finish() {
    if (object_.is_object() && object_.size() != taken_) {
      for (const auto& [name, value] : object_.items()) {
        if (std::ranges::find(names_, name) == names_.end()) {
          Wrong(name, "is not a field of this request");
        }
      }
    }
  }

  bool ok() const { return !error_.has_value(); }
  const std::optional<Error>& error() const { return error_; }
  std::vector<UniqueFd>& descriptors() { return descriptors_; }

 private:
  const Json* Take(const char* name) {
    if (!Has(name)) {
      Wrong(name, "is missing");
      return nullptr;
    }
    ++taken_;
    names_.emplace_back(name);
    return &object_[name];
  }

  const Json& object_;
  std::string path_;
  std::vector<UniqueFd>& descriptors_;
  size_t taken_ = 0;
  std::vector<std::string> names_;
  std::optional<Error> error_;
};

DiskConfig ReadDisk(ObjectReader& in) {
  DiskConfig disk;
  disk.file = in.Descriptor("file");
  const std::string mode = in.Text("mode", 16);
  if (mode == "ro") {
    disk.mode = DiskMode::kReadOnly;
  } else if (mode == "rw") {
    disk.mode = DiskMode::kReadWrite;
  } else if (mode == "overlay") {
    disk.mode = DiskMode::kOverlay;
  } else {
    in.Wrong("mode", "must be ro, rw or overlay");
  }
  if (in.Has("overlay")) {
    disk.overlay = in.Descriptor("overlay");
    if (disk.mode != DiskMode::kOverlay) {
      in.Wrong("overlay", "is only for a disk of mode overlay");
    }
  }
  if (in.Has("serial")) {
    disk.serial = in.Text("serial", kMaxDiskSerial);
  }
  in.Finish();
  return disk;
}

GuestConfig ReadConfig(ObjectReader& in) {
  GuestConfig config;
  config.cpus = static_cast<uint32_t>(in.Integer("cpus", 1, kMaxCpus));
  config.memory_mib = in.Integer("memory_mib", kMinMemoryMib, kMaxMemoryMib);
  config.kernel = in.Descriptor("kernel");
  config.cmdline = in.Text("cmdline", 65536);
  if (in.Has("initrd")) {
    config.initrd = in.Descriptor("initrd");
  }
  if (in.Has("console")) {
    config.console = in.Descriptor("console");
  }
  if (in.Has("nested")) {
    config.nested = in.Boolean("nested");
  }
  if (in.Has("pmu")) {
    config.pmu = in.Boolean("pmu");
  }
  if (in.Has("sve")) {
    config.sve = in.Boolean("sve");
  }
  if (in.Has("rtc_base")) {
    config.rtc_base = in.SignedInteger("rtc_base");
  }
  if (in.Has("disks")) {
    const Json* disks = in.Array("disks", kMaxDisks);
    for (size_t i = 0; disks != nullptr && i < disks->size(); ++i) {
      ObjectReader disk((*disks)[i], fmt::format("disks[{}]", i), in.descriptors());
      config.disks.push_back(ReadDisk(disk));
      if (!disk.ok()) {
        in.Adopt(*disk.error());
        break;
      }
    }
  }
  return config;
}

uint32_t ReadPort(ObjectReader& in) {
  return static_cast<uint32_t>(in.Integer("port", 0, UINT32_MAX));
}

std::optional<Command> ReadCommand(const std::string& type, ObjectReader& in) {
  if (type == "configure") {
    return ConfigureRequest{.config = ReadConfig(in)};
  }
  if (type == "attach") {
    return AttachRequest{.socket = in.Descriptor("socket")};
  }
  if (type == "start") {
    return StartRequest{};
  }
  if (type == "pause") {
    return PauseRequest{};
  }
  if (type == "resume") {
    return ResumeRequest{};
  }
  if (type == "stop") {
    return StopRequest{};
  }
  if (type == "stats") {
    return StatsRequest{};
  }
  if (type == "vsock-connect") {
    return VsockConnectRequest{.port = ReadPort(in)};
  }
  if (type == "vsock-listen") {
    return VsockListenRequest{.port = ReadPort(in)};
  }
  if (type == "vsock-unlisten") {
    return VsockUnlistenRequest{.port = ReadPort(in)};
  }
  in.Wrong("type", "is not a request that is known");
  return std::nullopt;
}

}  // namespace

tl::expected<Request, BadRequest> ParseRequest(std::string_view text,
                                               std::vector<UniqueFd> descriptors) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return tl::unexpected(BadRequest{
        .id = 0, .error = {.code = ErrorCode::kProtocol, .message = "request is not JSON"}});
  }
  ObjectReader in(json, "", descriptors);
  const uint64_t id = in.Integer("id", 1, kMaxId);
  const bool id_ok = in.ok();
  const std::string type = in.Text("type", 64);
  std::optional<Command> command;
  if (in.ok()) {
    command = ReadCommand(type, in);
  }
  in.Finish();
  for (const UniqueFd& descriptor : descriptors) {
    if (descriptor && in.ok()) {
      in.Wrong("", "came with a descriptor that no field refers to");
    }
  }
  if (!in.ok()) {
    return tl::unexpected(BadRequest{.id = id_ok ? id : 0, .error = *in.error()});
  }
  return Request{.id = id, .command = std::move(*command)};
}

}  // namespace vmtest
