// The guest that the probe runs: a few instructions that a modern kernel cannot do without.
#pragma once

#include <string_view>

#include "kvm/vm.h"
#include "memory/guest_memory.h"

namespace vmtest {

struct ProbeGuest {
  GuestMemory memory;
  Vm vm;
  Vcpu vcpu;  // stands before the first instruction
};

Result<ProbeGuest> PrepareProbe(const Kvm& kvm);

// Whether the vCPU's last exit is the payload's own, with the right result.
bool HasAnswered(Vcpu& vcpu);

// For messages: "SSE2 and cmpxchg16b".
extern const std::string_view kProbedInstructions;

}  // namespace vmtest
