// What a guest is made of, as the host asked for it: every number in its range, every descriptor
// owned. What the files contain is not checked yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace vmtest {

inline constexpr uint32_t kMaxCpus = 32;
inline constexpr uint64_t kMinMemoryMib = 64;
inline constexpr uint64_t kMaxMemoryMib = 64 * 1024;
inline constexpr size_t kMaxDisks = 16;
inline constexpr size_t kMaxDiskSerial = 20;  // virtio 1.2, section 5.2.6

enum class DiskMode {
  kReadOnly,
  kReadWrite,
  kOverlay,  // the file is read; writes go to a private place and are thrown away
};

struct DiskConfig {
  UniqueFd file;
  DiskMode mode = DiskMode::kReadOnly;
  UniqueFd overlay;    // for kOverlay: takes the writes; memory does when it is not valid
  std::string serial;  // at most kMaxDiskSerial bytes
};

struct GuestConfig {
  uint32_t cpus = 1;          // 1 to kMaxCpus
  uint64_t memory_mib = 512;  // kMinMemoryMib to kMaxMemoryMib
  UniqueFd kernel;
  UniqueFd initrd;  // not valid: none
  std::string cmdline;
  UniqueFd console;  // not valid: the serial port's output is dropped
  std::vector<DiskConfig> disks;
  bool nested = false;
  bool pmu = false;                 // aarch64: the host's performance monitor
  bool sve = false;                 // aarch64: the host's scalable vectors
  std::optional<int64_t> rtc_base;  // Unix seconds
};

}  // namespace vmtest
