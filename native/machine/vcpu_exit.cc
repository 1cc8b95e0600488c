#include "machine/vcpu_exit.h"

#include <algorithm>

namespace vmtest {

KvmInternalError DescribeInternalError(const Vcpu& vcpu) {
  const kvm_run& run = vcpu.run();
  KvmInternalError error{.suberror = run.internal.suberror};
  const size_t count = std::min<size_t>(run.internal.ndata, std::size(run.internal.data));
  error.data.assign(run.internal.data, run.internal.data + count);
  if (run.internal.suberror == KVM_INTERNAL_ERROR_EMULATION && count >= 3 &&
      (run.emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) != 0) {
    const auto& failure = run.emulation_failure;
    const size_t size = std::min<size_t>(failure.insn_size, sizeof(failure.insn_bytes));
    error.rip_bytes.assign(failure.insn_bytes, failure.insn_bytes + size);
  }
  if (const auto regs = vcpu.GetRegs()) {
    error.registers = {{"rax", regs->rax}, {"rbx", regs->rbx}, {"rcx", regs->rcx},
                       {"rdx", regs->rdx}, {"rsi", regs->rsi}, {"rdi", regs->rdi},
                       {"rsp", regs->rsp}, {"rbp", regs->rbp}, {"r8", regs->r8},
                       {"r9", regs->r9},   {"r10", regs->r10}, {"r11", regs->r11},
                       {"r12", regs->r12}, {"r13", regs->r13}, {"r14", regs->r14},
                       {"r15", regs->r15}, {"rip", regs->rip}, {"rflags", regs->rflags}};
  }
  if (const auto sregs = vcpu.GetSregs()) {
    error.registers.insert({{"cr0", sregs->cr0},
                            {"cr2", sregs->cr2},
                            {"cr3", sregs->cr3},
                            {"cr4", sregs->cr4},
                            {"efer", sregs->efer}});
  }
  return error;
}

}  // namespace vmtest
