// Link: what the switchboard keeps for one connection.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <optional>

#include "virtio/vsock/connection.h"
#include "virtio/vsock/host_stream.h"
#include "virtio/vsock/options.h"
#include "virtio/vsock/switchboard.h"

namespace vmtest::vsock {

struct Switchboard::Link {
  explicit Link(Connection c) : connection(std::move(c)) {}

  Connection connection;
  std::unique_ptr<HostStream> stream;  // none while connecting, and again while closing
  VsockConnectCallback on_connect;     // while connecting
  std::optional<Clock::time_point> deadline;
  uint32_t deferred_events = 0;  // of the stream, while paused
  bool ready = false;            // in ready_
  bool draining = false;         // in draining_
  Links::iterator position;      // in its list
};

}  // namespace vmtest::vsock
