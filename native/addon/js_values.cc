#include "addon/js_values.h"

#include <climits>
#include <cmath>
#include <tuple>

namespace vmtest::addon {
namespace {

void ThrowInvalid(Napi::Env env, const std::string& what, const std::string& wanted) {
  Throw(env, kInvalidArgumentCode, what + " must be " + wanted);
}

}  // namespace

Napi::Value ErrorValue(Napi::Env env, const char* code, const std::string& message) {
  const Napi::Error error = Napi::Error::New(env, message);
  error.Value().Set("code", Napi::String::New(env, code));
  return error.Value();
}

void Throw(Napi::Env env, const char* code, const std::string& message) {
  napi_throw(env, ErrorValue(env, code, message));
}

void Throw(Napi::Env env, const SystemError& error) {
  const Napi::Value value = ErrorValue(env, kSystemCode, Describe(error));
  const auto object = value.As<Napi::Object>();
  object.Set("errno", Napi::String::New(env, ErrnoName(error.number)));
  object.Set("syscall", Napi::String::New(env, error.syscall));
  napi_throw(env, value);
}

std::optional<Napi::Value> Get(Napi::Object object, const char* name) {
  napi_value value = nullptr;
  if (napi_get_named_property(object.Env(), object, name, &value) != napi_ok) {
    return std::nullopt;
  }
  return Napi::Value(object.Env(), value);
}

std::optional<Napi::Value> Get(Napi::Array array, uint32_t index) {
  napi_value value = nullptr;
  if (napi_get_element(array.Env(), array, index, &value) != napi_ok) {
    return std::nullopt;
  }
  return Napi::Value(array.Env(), value);
}

std::optional<std::string> ReadString(Napi::Value value, const std::string& what) {
  if (!value.IsString()) {
    ThrowInvalid(value.Env(), what, "a string");
    return std::nullopt;
  }
  return value.As<Napi::String>().Utf8Value();
}

std::optional<std::vector<std::string>> ReadStrings(Napi::Value value, const std::string& what) {
  if (!value.IsArray()) {
    ThrowInvalid(value.Env(), what, "an array of strings");
    return std::nullopt;
  }
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto element = Get(array, i);
    auto string =
        element ? ReadString(*element, what + "[" + std::to_string(i) + "]") : std::nullopt;
    if (!string) {
      return std::nullopt;
    }
    // It becomes a C string.
    if (string->find('\0') != std::string::npos) {
      ThrowInvalid(value.Env(), what + "[" + std::to_string(i) + "]", "without NUL");
      return std::nullopt;
    }
    strings.push_back(std::move(*string));
  }
  return strings;
}

std::optional<int> ReadInteger(Napi::Value value, const std::string& what, int low, int high) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= low && number <= high) || number != std::floor(number)) {
    ThrowInvalid(value.Env(), what,
                 "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    return std::nullopt;
  }
  return static_cast<int>(number);
}

std::optional<int> ReadFd(Napi::Value value, const std::string& what) {
  return ReadInteger(value, what, 0, INT_MAX);
}

std::optional<std::vector<int>> ReadFds(Napi::Value value, const std::string& what) {
  if (!value.IsArray()) {
    ThrowInvalid(value.Env(), what, "an array of descriptors");
    return std::nullopt;
  }
  const auto array = value.As<Napi::Array>();
  std::vector<int> fds;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto element = Get(array, i);
    const auto fd = element ? ReadFd(*element, what + "[" + std::to_string(i) + "]") : std::nullopt;
    if (!fd) {
      return std::nullopt;
    }
    fds.push_back(*fd);
  }
  return fds;
}

std::optional<Napi::Function> ReadFunction(Napi::Value value, const std::string& what) {
  if (!value.IsFunction()) {
    ThrowInvalid(value.Env(), what, "a function");
    return std::nullopt;
  }
  return value.As<Napi::Function>();
}

std::optional<Napi::Array> HandOverFds(Napi::Env env, std::vector<UniqueFd>& fds) {
  Napi::Array array = Napi::Array::New(env, fds.size());
  for (uint32_t i = 0; i < fds.size(); ++i) {
    if (napi_set_element(env, array, i, Napi::Number::New(env, fds[i].get())) != napi_ok) {
      return std::nullopt;
    }
  }
  for (UniqueFd& fd : fds) {
    std::ignore = fd.Release();
  }
  return array;
}

Napi::Object ExitValue(Napi::Env env, const ProcessExit& exit) {
  Napi::Object object = Napi::Object::New(env);
  const Napi::Value none = env.Null();
  object.Set("code", exit.signal == 0 ? Napi::Number::New(env, exit.code) : none);
  object.Set("signal", exit.signal != 0 ? Napi::Number::New(env, exit.signal) : none);
  return object;
}

}  // namespace vmtest::addon
