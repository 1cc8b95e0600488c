#include "machine/vcpu_exit.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/named_registers.h"

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
  error.registers = NamedRegisters(vcpu);
  return error;
}

KvmInternalError DescribeUndecodedAccess(const Vcpu& vcpu) {
  const auto& access = vcpu.run().arm_nisv;
  return {.suberror = KVM_INTERNAL_ERROR_EMULATION,
          .data = {access.esr_iss, access.fault_ipa},
          .registers = NamedRegisters(vcpu),
          .rip_bytes = {}};
}

GuestEnd DescribeSystemEvent(const Vcpu& vcpu) {
  const uint32_t type = vcpu.run().system_event.type;
  switch (type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN:
      return PoweredOff{};
    case KVM_SYSTEM_EVENT_RESET:
      return ResetRequested{.source = ResetSource::kPsci};
    case KVM_SYSTEM_EVENT_CRASH:
      return Panicked{};
    default:
      return HostError{.error = {.code = ErrorCode::kKvm,
                                 .message = fmt::format("KVM reports the system event {}, which "
                                                        "this program does not know",
                                                        type)}};
  }
}

}  // namespace vmtest
