// What the vsock device's owner decides, and what it learns.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/unique_fd.h"
#include "memory/guest_memory.h"

namespace vmtest {

// The host's side of the device; control implements it. Called on the device's loop. May call
// Listen, Unlisten, Connect and statistics of the device, and must not do more with it.
class VsockHost {
 public:
  virtual ~VsockHost() = default;
  // The guest connected from `peer_port` to `port`, which is listened on. `stream` is the host's
  // end of a fresh AF_UNIX SOCK_STREAM socketpair, blocking and close-on-exec.
  virtual void OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) = 0;
};

// The end of a Connect: the host's end of the stream, or kNotFound (the guest refused, or did not
// answer in time), kBusy (too many connections), kWrongState (no driver, or the device was reset
// meanwhile), kIo or kNoMemory (the host has no descriptors or memory left).
using VsockConnectCallback = std::function<void(Result<UniqueFd>)>;

struct VsockOptions {
  // How long the guest may take to answer a connect.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(2);
  // How long it may take to answer a SHUTDOWN of both directions before it gets a RST: as Linux.
  std::chrono::nanoseconds close_timeout = std::chrono::seconds(8);
  // Connections of all kinds, those included that only deliver their last bytes to the host. More
  // are refused.
  size_t max_connections = 16384;

  // buf_alloc of a connection, in bytes: how much we buffer when the host does not read. The first
  // connections get much, until the sum of what was promised would pass the budget; those after
  // them get little. So a guest that opens everything and floods it takes at most
  // budget + max_connections * small of our memory: 256 MiB with the defaults.
  uint32_t large_buffer = 256 * kKiB;
  uint32_t small_buffer = 8 * kKiB;
  uint64_t buffer_budget = 128 * kMiB;
  // SO_SNDBUF of the socketpairs of either kind of connection; the kernel's memory, taken as used.
  int large_socket_buffer = 1 * kMiB;
  int small_socket_buffer = 16 * kKiB;
};

// Free-running counters since construction, but for `open`.
struct VsockStatistics {
  uint64_t open = 0;         // connections now, of all kinds
  uint64_t connections = 0;  // that were established
  uint64_t rx_bytes = 0;     // payload to the guest
  uint64_t tx_bytes = 0;     // payload from the guest
  uint64_t resets = 0;       // RST in either direction that did not end a clean disconnect
  uint64_t malformed = 0;    // packets from the guest that make no sense
};

}  // namespace vmtest
