#include "arch/x86_64/registers.h"

#include "arch/named_registers.h"
#include "kvm/ioctl.h"

namespace vmtest::x86 {

Result<kvm_regs> GetRegs(const Vcpu& vcpu) {
  kvm_regs regs{};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_GET_REGS, &regs, "read a vCPU's registers"));
  return regs;
}

Result<> SetRegs(const Vcpu& vcpu, const kvm_regs& regs) {
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_SET_REGS, &regs, "set a vCPU's registers"));
  return {};
}

Result<kvm_sregs> GetSregs(const Vcpu& vcpu) {
  kvm_sregs sregs{};
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_GET_SREGS, &sregs, "read a vCPU's system registers"));
  return sregs;
}

Result<> SetSregs(const Vcpu& vcpu, const kvm_sregs& sregs) {
  VM_TRY(KvmIoctl(vcpu.fd(), KVM_SET_SREGS, &sregs, "set a vCPU's system registers"));
  return {};
}

}  // namespace vmtest::x86

namespace vmtest {

std::map<std::string, uint64_t> NamedRegisters(const Vcpu& vcpu) {
  std::map<std::string, uint64_t> named;
  if (const auto regs = x86::GetRegs(vcpu)) {
    named = {{"rax", regs->rax}, {"rbx", regs->rbx},      {"rcx", regs->rcx}, {"rdx", regs->rdx},
             {"rsi", regs->rsi}, {"rdi", regs->rdi},      {"rsp", regs->rsp}, {"rbp", regs->rbp},
             {"r8", regs->r8},   {"r9", regs->r9},        {"r10", regs->r10}, {"r11", regs->r11},
             {"r12", regs->r12}, {"r13", regs->r13},      {"r14", regs->r14}, {"r15", regs->r15},
             {"rip", regs->rip}, {"rflags", regs->rflags}};
  }
  if (const auto sregs = x86::GetSregs(vcpu)) {
    named.insert({{"cr0", sregs->cr0},
                  {"cr2", sregs->cr2},
                  {"cr3", sregs->cr3},
                  {"cr4", sregs->cr4},
                  {"efer", sregs->efer}});
  }
  return named;
}

}  // namespace vmtest
