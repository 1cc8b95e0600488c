// The guest's root file system, when it is on a disk or a directory of the host: from the initramfs
// into it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/mounts.h"

namespace vmtest::agent {

// What the host asks for on the kernel's command line:
//   vmtest.root=serial:SERIAL[:PARTITION]  the virtio-blk disk, and its partition from 1 on
//   vmtest.root=9p:TAG                     the directory of the host with that tag (mounts.h)
//   vmtest.rootfstype=TYPE                 of a disk, as mount(2) takes it
//   vmtest.rootflags=ro|rw|exclusive       ro, the default: read-only, with a throw-away layer in
//                                          memory over it; exclusive only of a directory (mounts.h)
//   vmtest.init=PATH                       this program becomes PID 1, and the agent its service;
//                                          without it the agent stays PID 1
struct RootSpec {
  std::string tag;  // empty: a disk
  std::string serial;
  unsigned partition = 0;  // 0: the whole disk
  std::string type;
  MountMode mode = MountMode::kReadOnly;
  std::string init;
};

// Nothing when the host asked for no root. `error` is set when it asked for nonsense.
std::optional<RootSpec> ParseRootSpec(std::string_view command_line, std::string* error);

// Makes that file system the root of this process, with the mounts of the initramfs on it. Only
// for PID 1. Returns what went wrong, or nothing; after an error the old root is still there.
std::string EnterRoot(const RootSpec& spec);

// Becomes `spec.init`. The agent goes on as a service: of systemd when init is systemd, else as a
// child that was there before it. In that child this returns nothing; in PID 1 it returns only when
// it failed, and says why.
std::string StartInit(const RootSpec& spec);

}  // namespace vmtest::agent
