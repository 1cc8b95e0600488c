#include "base/result.h"

#include <fmt/format.h>

#include <cstring>

namespace vmtest {
namespace {

ErrorCode CodeFromErrno(int os_error) {
  switch (os_error) {
    case EACCES:
    case EPERM:
      return ErrorCode::kPermission;
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return ErrorCode::kNotFound;
    case ENOMEM:
      return ErrorCode::kNoMemory;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid-argument";
    case ErrorCode::kBadImage:
      return "bad-image";
    case ErrorCode::kDoesNotFit:
      return "does-not-fit";
    case ErrorCode::kBusy:
      return "busy";
    case ErrorCode::kNotFound:
      return "not-found";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kNoMemory:
      return "no-memory";
    case ErrorCode::kProtocol:
      return "protocol";
    case ErrorCode::kWrongState:
      return "wrong-state";
    case ErrorCode::kKvm:
      return "kvm";
  }
  return "unknown";
}

tl::unexpected<Error> Fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{.code = code, .message = std::move(message)});
}

tl::unexpected<Error> FailErrno(std::string_view what, int os_error) {
  const char* const why = ::strerrordesc_np(os_error);  // unlike strerror, for every thread
  return tl::unexpected<Error>(
      Error{.code = CodeFromErrno(os_error),
            .message = fmt::format("{}: {}", what, why != nullptr ? why : "unknown error"),
            .os_error = os_error});
}

}  // namespace vmtest
