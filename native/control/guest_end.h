// How a guest ended: one of these, always, with what is known about it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace vmtest {

struct PoweredOff {};

enum class ResetSource { kI8042, kAcpi, kResetControl, kPsci };
struct ResetRequested {
  ResetSource source;
};

struct Panicked {};
struct TripleFault {};
struct DebugExited {
  uint8_t code;
};

struct KvmInternalError {
  uint32_t suberror;                          // KVM_INTERNAL_ERROR_*
  std::vector<uint64_t> data;                 // what KVM added
  std::map<std::string, uint64_t> registers;  // general registers, rip, rflags, cr0, cr2, cr3, cr4
  std::vector<uint8_t> rip_bytes;             // the instruction that KVM could not handle, if known
};
struct EntryFailure {
  uint64_t hardware_reason;
};

struct Killed {};
// With --vhost-user-vsock: QEMU closed its end of the vhost-user socket.
struct FrontEndGone {};
struct HostError {
  Error error;
};

using GuestEnd = std::variant<PoweredOff, ResetRequested, Panicked, TripleFault, DebugExited,
                              KvmInternalError, EntryFailure, Killed, FrontEndGone, HostError>;

// The wire name, like "triple-fault" (docs/control-protocol.md).
std::string_view GuestEndKind(const GuestEnd& end);
std::string_view ResetSourceName(ResetSource source);

}  // namespace vmtest
