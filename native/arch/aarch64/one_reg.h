// One register of a vCPU at a time: KVM_GET_ONE_REG and KVM_SET_ONE_REG (KVM API 4.68 and 4.69,
// where arm64's numbers are listed).
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kvm/vcpu.h"

namespace vmtest::arm64 {

// A core register, by its place in `struct kvm_regs`.
constexpr uint64_t CoreRegister(size_t offset_in_kvm_regs) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
         (offset_in_kvm_regs / sizeof(uint32_t));
}

// X0 to X30.
constexpr uint64_t GeneralRegister(unsigned number) {
  return CoreRegister(offsetof(kvm_regs, regs) + number * sizeof(uint64_t));
}
inline constexpr uint64_t kStackPointer = CoreRegister(offsetof(kvm_regs, regs) + 31 * 8);
inline constexpr uint64_t kProgramCounter = CoreRegister(offsetof(kvm_regs, regs) + 32 * 8);
inline constexpr uint64_t kProcessorState = CoreRegister(offsetof(kvm_regs, regs) + 33 * 8);

// A system register, by the numbers of its MRS instruction.
constexpr uint64_t SystemRegister(unsigned op0, unsigned op1, unsigned crn, unsigned crm,
                                  unsigned op2) {
  return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG | (uint64_t{op0} << 14) |
         (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}
// Arm ARM DDI 0487, D17.2.
inline constexpr uint64_t kMpidr = SystemRegister(3, 0, 0, 0, 5);
inline constexpr uint64_t kMemoryFeatures0 = SystemRegister(3, 0, 0, 7, 0);  // ID_AA64MMFR0_EL1
inline constexpr uint64_t kSystemControl = SystemRegister(3, 0, 1, 0, 0);    // SCTLR_EL1
inline constexpr uint64_t kSyndrome = SystemRegister(3, 0, 5, 2, 0);         // ESR_EL1
inline constexpr uint64_t kFaultAddress = SystemRegister(3, 0, 6, 0, 0);     // FAR_EL1
inline constexpr uint64_t kVectorBase = SystemRegister(3, 0, 12, 0, 0);      // VBAR_EL1

// `what`: for the message, "the program counter".
Result<uint64_t> GetOneReg(const Vcpu& vcpu, uint64_t id, std::string_view what);
Result<> SetOneReg(const Vcpu& vcpu, uint64_t id, uint64_t value, std::string_view what);

}  // namespace vmtest::arm64
