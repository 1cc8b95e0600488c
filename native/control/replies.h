// What the VMM says to the host, as JSON text: docs/control-protocol.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/guest_end.h"
#include "control/statistics.h"

namespace vmtest {

inline constexpr int kControlProtocol = 1;

std::string FormatHello(std::string_view version, std::string_view arch);
std::string FormatOk(uint64_t id);
// The answer to vsock-connect: its descriptor is the packet's only one.
std::string FormatOkStream(uint64_t id);
std::string FormatOkStatistics(uint64_t id, const Statistics& statistics);
std::string FormatError(uint64_t id, const Error& error);

std::string FormatVsockAccept(uint32_t port, uint32_t peer_port);
std::string FormatPanicked();
enum class LogLevel { kWarning, kError };
std::string FormatLog(LogLevel level, std::string_view message);
std::string FormatEnded(const GuestEnd& end);

}  // namespace vmtest
