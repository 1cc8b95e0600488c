// The registers of a vCPU for people who look for the cause of its end.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "kvm/vcpu.h"

namespace vmtest {

// General and the most telling system registers, by their architecture's names. Those that KVM does
// not give are left out. The vCPU must stand still.
std::map<std::string, uint64_t> NamedRegisters(const Vcpu& vcpu);

}  // namespace vmtest
