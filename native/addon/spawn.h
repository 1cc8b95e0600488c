// Spawn: starts a program with a packet channel on fd 3, and nothing else of ours.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "addon/system_error.h"
#include "base/unique_fd.h"

namespace vmtest::addon {

inline constexpr int kChannelFd = 3;

struct SpawnRequest {
  std::string file;               // absolute path
  std::vector<std::string> args;  // after argv[0]
  std::vector<std::string> env;   // NAME=value
  int error_fd = -1;              // becomes fd 2; -1: /dev/null
};

struct Spawned {
  pid_t pid;
  UniqueFd process;  // pidfd
  UniqueFd channel;  // our end, SOCK_SEQPACKET, non-blocking
};

// By posix_spawn, which never copies this process: Node is large and has many threads. The child
// has a session of its own, so that a terminal's signals and hang-up reach only us; default signal
// handlers and an empty mask; and descriptors 0 to 3.
SystemResult<Spawned> Spawn(const SpawnRequest& request);

struct ProcessExit {
  int code = -1;   // -1: ended by `signal`, or unknown
  int signal = 0;  // 0: none
};

// Reaps a child that has ended.
ProcessExit Reap(int pidfd);

}  // namespace vmtest::addon
