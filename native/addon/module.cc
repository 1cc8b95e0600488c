// The export table of the addon; runner/engine/native/native.d.ts is its description.
#include <fcntl.h>
#include <napi.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <csignal>
#include <cstdlib>

#include "addon/environment.h"
#include "addon/js_values.h"

namespace vmtest::addon {
namespace {

std::optional<SpawnRequest> ReadSpawnRequest(Napi::Object options) {
  const auto file_value = Get(options, "file");
  const auto file = file_value ? ReadString(*file_value, "file") : std::nullopt;
  if (!file) {
    return std::nullopt;
  }
  if (file->empty() || file->front() != '/' || file->find('\0') != std::string::npos) {
    Throw(options.Env(), kInvalidArgumentCode, "file must be an absolute path");
    return std::nullopt;
  }
  const auto args_value = Get(options, "args");
  auto args = args_value ? ReadStrings(*args_value, "args") : std::nullopt;
  if (!args) {
    return std::nullopt;
  }
  const auto env_value = Get(options, "env");
  auto env = env_value ? ReadStrings(*env_value, "env") : std::nullopt;
  if (!env) {
    return std::nullopt;
  }
  SpawnRequest request{.file = *file, .args = std::move(*args), .env = std::move(*env)};
  const auto error_value = Get(options, "stderr");
  if (!error_value) {
    return std::nullopt;
  }
  if (!error_value->IsUndefined()) {
    const auto fd = ReadFd(*error_value, "stderr");
    if (!fd) {
      return std::nullopt;
    }
    request.error_fd = *fd;
  }
  return request;
}

std::optional<Listener> ReadListener(Napi::Object options) {
  Listener listener{.self = Napi::Persistent(options)};
  const std::array<std::pair<const char*, Napi::FunctionReference*>, 3> members{{
      {"onMessage", &listener.on_message},
      {"onChannelEnd", &listener.on_channel_end},
      {"onExit", &listener.on_exit},
  }};
  for (const auto& [name, member] : members) {
    const auto value = Get(options, name);
    const auto function = value ? ReadFunction(*value, name) : std::nullopt;
    if (!function) {
      return std::nullopt;
    }
    *member = Napi::Persistent(*function);
  }
  return listener;
}

void SendPacketFromJs(const Napi::CallbackInfo& info, ChildChannel& channel) {
  const auto text = ReadString(info[0], "text");
  if (!text) {
    return;
  }
  const auto fds = ReadFds(info[1], "fds");
  if (!fds) {
    return;
  }
  if (text->empty() || text->size() > kMaxPacketSize || fds->size() > kMaxPacketFds) {
    Throw(info.Env(), kInvalidArgumentCode,
          "a packet must have 1 to " + std::to_string(kMaxPacketSize) + " bytes and at most " +
              std::to_string(kMaxPacketFds) + " descriptors, not " + std::to_string(text->size()) +
              " and " + std::to_string(fds->size()));
    return;
  }
  const auto sent = channel.Send(*text, *fds);
  if (!sent) {
    Throw(info.Env(), sent.error());
  } else if (*sent == ChildChannel::Sent::kClosed) {
    Throw(info.Env(), kClosedCode, "the channel was closed");
  }
}

Napi::Object ChildObject(Napi::Env env, const Environment::Started& started) {
  Napi::Object child = Napi::Object::New(env);
  const auto& channel = started.channel;
  child.DefineProperties({
      Napi::PropertyDescriptor::Value("pid", Napi::Number::New(env, started.pid), napi_enumerable),
      Napi::PropertyDescriptor::Value(
          "send",
          Napi::Function::New(
              env, [channel](const Napi::CallbackInfo& info) { SendPacketFromJs(info, *channel); }),
          napi_enumerable),
      Napi::PropertyDescriptor::Value(
          "closeChannel",
          Napi::Function::New(env, [channel](const Napi::CallbackInfo&) { channel->Close(); }),
          napi_enumerable),
      Napi::PropertyDescriptor::Value(
          "kill",
          Napi::Function::New(env,
                              [channel](const Napi::CallbackInfo& info) -> Napi::Value {
                                const auto signal = ReadInteger(info[0], "signal", 0, SIGRTMAX);
                                if (!signal) {
                                  return info.Env().Undefined();
                                }
                                const auto killed = channel->Kill(*signal);
                                if (!killed) {
                                  Throw(info.Env(), killed.error());
                                  return info.Env().Undefined();
                                }
                                return Napi::Boolean::New(info.Env(), *killed);
                              }),
          napi_enumerable),
  });
  return child;
}

Napi::Value SpawnWithChannel(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsObject()) {
    Throw(env, kInvalidArgumentCode, "options must be an object");
    return env.Undefined();
  }
  const auto options = info[0].As<Napi::Object>();
  const auto request = ReadSpawnRequest(options);
  if (!request) {
    return env.Undefined();
  }
  auto listener = ReadListener(options);
  if (!listener) {
    return env.Undefined();
  }
  Environment& environment = Environment::Of(env);
  if (!environment.open()) {
    Throw(env, kClosedCode, "this JavaScript environment is ending");
    return env.Undefined();
  }
  const auto started = environment.StartChild(*request, std::move(*listener));
  if (!started) {
    Throw(env, started.error());
    return env.Undefined();
  }
  return ChildObject(env, *started);
}

Napi::Value StreamPair(const Napi::CallbackInfo& info) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) < 0) {
    Throw(info.Env(), FailSystem("socketpair").value());
    return info.Env().Undefined();
  }
  std::vector<UniqueFd> fds;
  fds.emplace_back(pair[0]);
  fds.emplace_back(pair[1]);
  const auto array = HandOverFds(info.Env(), fds);
  return array ? Napi::Value(*array) : info.Env().Undefined();
}

Napi::Value TemporaryFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto directory = ReadString(info[0], "directory");
  if (!directory) {
    return env.Undefined();
  }
  if (directory->find('\0') != std::string::npos) {
    Throw(env, kInvalidArgumentCode, "directory must be without NUL");
    return env.Undefined();
  }
  UniqueFd fd(::open(directory->c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd && errno == EOPNOTSUPP) {
    // 9p, NFS and others: by hand, with a name for a moment.
    std::string path = *directory + "/.vmtest-XXXXXX";
    fd.Reset(::mkostemp(path.data(), O_CLOEXEC));
    if (fd) {
      ::unlink(path.c_str());
    }
  }
  if (!fd) {
    Throw(env, FailSystem("open").value());
    return env.Undefined();
  }
  return Napi::Number::New(env, fd.Release());
}

void CloseFd(const Napi::CallbackInfo& info) {
  // 0 to 2 are Node's: to close one would hand its number to whatever is opened next.
  const auto fd = ReadInteger(info[0], "fd", STDERR_FILENO + 1, INT_MAX);
  if (fd && ::close(*fd) < 0 && errno != EINTR) {
    Throw(info.Env(), FailSystem("close").value());
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Environment::Install(env);
  exports.Set("spawnWithChannel", Napi::Function::New(env, SpawnWithChannel, "spawnWithChannel"));
  exports.Set("streamPair", Napi::Function::New(env, StreamPair, "streamPair"));
  exports.Set("temporaryFile", Napi::Function::New(env, TemporaryFile, "temporaryFile"));
  exports.Set("closeFd", Napi::Function::New(env, CloseFd, "closeFd"));
  return exports;
}

}  // namespace
}  // namespace vmtest::addon

// The macro makes its own entry point, which looks for the initializer here.
using vmtest::addon::Init;
NODE_API_MODULE(vmtest, Init)
