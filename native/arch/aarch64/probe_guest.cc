#include "arch/probe_guest.h"

#include <array>

#include "arch/aarch64/address_space.h"
#include "arch/aarch64/layout.h"
#include "arch/aarch64/vcpu_init.h"
#include "boot/arm64_layout.h"

namespace vmtest {
namespace {

// Entered with the MMU off. It doubles 21 with a vector instruction and stores the 42 where no
// memory is.
constexpr std::array<uint32_t, 10> kPayload = {
    0xd2a00600,  // mov x0, #0x300000: CPACR_EL1.FPEN, vectors do not trap
    0xd5181040,  // msr cpacr_el1, x0
    0xd5033fdf,  // isb
    0x528002b5,  // mov w21, #0x15
    0x4e040ea0,  // dup v0.4s, w21
    0x4ea08400,  // add v0.4s, v0.4s, v0.4s
    0x1e260001,  // fmov w1, s0
    0xd2a12002,  // mov x2, #0x9000000
    0xb9000041,  // str w1, [x2]
    0x14000000,  // b .
};
constexpr uint64_t kAnswerAddress = arm64::kPl011;
constexpr uint8_t kAnswer = 42;

}  // namespace

const std::string_view kProbedInstructions = "vector instructions";

Result<ProbeGuest> PrepareProbe(const Kvm& kvm) {
  const GuestMemory::Range range{.start = arm64::kRam, .size = 2 * kMiB};
  GuestMemory memory = VM_TRY(GuestMemory::Create({&range, 1}));
  if (!memory.Write(arm64::kRam, kPayload)) {
    return Fail(ErrorCode::kDoesNotFit, "the probe's payload does not fit in its memory");
  }
  const auto type = VM_TRY(arm64::VmType(kvm, range.start + range.size));
  Vm vm = VM_TRY(Vm::Create(kvm, type));
  VM_TRY(vm.SetMemory(memory));
  Vcpu vcpu = VM_TRY(vm.CreateVcpu(0));
  VM_TRY(arm64::InitVcpu(vm, vcpu, {}));
  VM_TRY(arm64::SetEntryState(vcpu, arm64::kRam, 0));
  return ProbeGuest{.memory = std::move(memory), .vm = std::move(vm), .vcpu = std::move(vcpu)};
}

bool HasAnswered(Vcpu& vcpu) {
  const kvm_run& run = vcpu.run();
  return run.exit_reason == KVM_EXIT_MMIO && run.mmio.is_write != 0 &&
         run.mmio.phys_addr == kAnswerAddress && vcpu.mmio_data()[0] == kAnswer;
}

}  // namespace vmtest
