// Starts one command. Plain fork and exec, not vfork: a chdir or exec on a file system that hangs
// must hang the command, not the agent.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "agent/fd.h"
#include "agent/protocol.h"

namespace vmtest::agent {

// What the agent changed for itself and gives back to its children.
struct ChildDefaults {
  rlimit open_files{};
  bool oom_protected = false;  // the agent, by its oom_score_adj
};

// Where a command could not be started. The child sends this with its errno through `failure`.
enum class SpawnStage : int32_t { kUser = 1, kCwd = 2, kTerminal = 3, kExec = 4, kAgent = 5 };
std::string_view SpawnStageName(SpawnStage stage);

struct SpawnFailure {
  SpawnStage stage;
  int32_t os_error;
};

struct Spawned {
  pid_t pid = -1;
  Fd stdin_pipe;  // the writing end, or nothing
  Fd stdout_pipe;
  Fd stderr_pipe;
  Fd terminal;  // the master of the pty, in place of the three pipes
  Fd failure;   // end-of-file: the command runs; a SpawnFailure: it does not
};

// Every descriptor in `spawned` is non-blocking and close-on-exec. On failure there is no child.
bool Spawn(const ExecRequest& request, const ChildDefaults& defaults, Spawned* spawned,
           SpawnFailure* failure);

// Signals as a program expects them at its start: none blocked, none ignored.
void ResetSignals();

}  // namespace vmtest::agent
