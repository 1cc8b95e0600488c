// Requests from the host, parsed and checked: docs/control-protocol.md.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/guest_config.h"

namespace vmtest {

struct ConfigureRequest {
  GuestConfig config;
};
// With --vhost-user-vsock only.
struct AttachRequest {
  UniqueFd socket;
};
struct StartRequest {};
struct PauseRequest {};
struct ResumeRequest {};
struct StopRequest {};
struct StatsRequest {};
struct VsockConnectRequest {
  uint32_t port;
};
struct VsockListenRequest {
  uint32_t port;
};
struct VsockUnlistenRequest {
  uint32_t port;
};

using Command = std::variant<ConfigureRequest, AttachRequest, StartRequest, PauseRequest,
                             ResumeRequest, StopRequest, StatsRequest, VsockConnectRequest,
                             VsockListenRequest, VsockUnlistenRequest>;

struct Request {
  uint64_t id;
  Command command;
};

// What to answer to a packet that is no request: `id` is 0 when not even that could be read.
struct BadRequest {
  uint64_t id;
  Error error;
};

// Takes the packet's descriptors; those of a bad request are closed.
tl::expected<Request, BadRequest> ParseRequest(std::string_view text,
                                               std::vector<UniqueFd> descriptors);

}  // namespace vmtest
