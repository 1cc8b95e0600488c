// Between JavaScript's values and ours. Readers take nothing for granted: on a wrong value they
// leave a JavaScript exception pending (ADDON_INVALID_ARGUMENT) and return nothing.
#pragma once

#include <napi.h>

#include <optional>
#include <string>
#include <vector>

#include "addon/spawn.h"
#include "addon/system_error.h"
#include "base/unique_fd.h"

namespace vmtest::addon {

// The codes of native.d.ts.
inline constexpr const char* kInvalidArgumentCode = "ADDON_INVALID_ARGUMENT";
inline constexpr const char* kSystemCode = "ADDON_SYSTEM";
inline constexpr const char* kClosedCode = "ADDON_CLOSED";
inline constexpr const char* kProtocolCode = "ADDON_PROTOCOL";

Napi::Value ErrorValue(Napi::Env env, const char* code, const std::string& message);
void Throw(Napi::Env env, const char* code, const std::string& message);
void Throw(Napi::Env env, const SystemError& error);

// A property or an element, which may be a getter: nothing, and its exception pending, when it
// throws.
std::optional<Napi::Value> Get(Napi::Object object, const char* name);
std::optional<Napi::Value> Get(Napi::Array array, uint32_t index);

// `what` names the value in messages.
std::optional<std::string> ReadString(Napi::Value value, const std::string& what);
std::optional<std::vector<std::string>> ReadStrings(Napi::Value value, const std::string& what);
// A whole number from `low` to `high`.
std::optional<int> ReadInteger(Napi::Value value, const std::string& what, int low, int high);
std::optional<int> ReadFd(Napi::Value value, const std::string& what);
std::optional<std::vector<int>> ReadFds(Napi::Value value, const std::string& what);
std::optional<Napi::Function> ReadFunction(Napi::Value value, const std::string& what);

// The descriptors become JavaScript's; they stay in `fds`, and nothing is returned, when the
// environment is ending and JavaScript cannot have them any more.
std::optional<Napi::Array> HandOverFds(Napi::Env env, std::vector<UniqueFd>& fds);
Napi::Object ExitValue(Napi::Env env, const ProcessExit& exit);

}  // namespace vmtest::addon
