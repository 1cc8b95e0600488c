// Counters that a host can ask for at any time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace vmtest {

// Exits from the guest to this process, by kind (KVM API, section 5: exit_reason).
struct ExitCounts {
  uint64_t io = 0;
  uint64_t mmio = 0;
  uint64_t hlt = 0;
  uint64_t intr = 0;  // taken out by a signal of ours
  uint64_t other = 0;
};

struct QueueCounts {
  uint64_t popped = 0;
  uint64_t pushed = 0;
  uint64_t notified = 0;
  uint64_t signalled = 0;
};

struct VsockCounts {
  uint64_t connections = 0;
  uint64_t rx_bytes = 0;  // to the guest
  uint64_t tx_bytes = 0;  // from the guest
  uint64_t resets = 0;
};

struct Statistics {
  std::vector<ExitCounts> vcpus;
  std::map<std::string, QueueCounts> queues;  // "blk0.0": device, then queue
  VsockCounts vsock;
};

}  // namespace vmtest
