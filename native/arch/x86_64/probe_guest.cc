#include "arch/probe_guest.h"

#include <array>

#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/entry_state.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/platform.h"
#include "arch/x86_64/registers.h"

namespace vmtest {
namespace {

constexpr x86::EntryTables kTables{.gdt = 0x500, .page_tables = 0x9000, .stack_top = 0x8ff0};
constexpr GuestAddress kCode = 0x10000;
constexpr uint16_t kAnswerPort = 0xf4;
constexpr uint8_t kAnswer = 42;

// 64-bit code, entered in long mode with memory mapped to itself. It doubles 21 with SSE2,
// then exchanges 16 zero bytes with `lock cmpxchg16b` (which Debian kernels use in their
// allocator), and writes the 42 to the port only if both did what they should.
constexpr std::array<uint8_t, 57> kPayload = {
    0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x06, 0x00, 0x00,
    0x0f, 0x22, 0xe0,                                // set OSFXSR, OSXMMEXCPT in cr4
    0xb8, 0x15, 0x00, 0x00, 0x00,                    // mov eax, 21
    0x66, 0x0f, 0x6e, 0xc0,                          // movd xmm0, eax
    0x66, 0x0f, 0xfe, 0xc0,                          // paddd xmm0, xmm0
    0x66, 0x0f, 0x7e, 0xc1,                          // movd ecx, xmm0
    0x89, 0xce,                                      // mov esi, ecx
    0x31, 0xc0, 0x31, 0xd2, 0x31, 0xdb, 0x31, 0xc9,  // xor eax/edx/ebx/ecx
    0xbf, 0x00, 0x10, 0x01, 0x00,                    // mov edi, 0x11000: 16-byte aligned, zero
    0xf0, 0x48, 0x0f, 0xc7, 0x0f,                    // lock cmpxchg16b [rdi]
    0x75, 0x05,                                      // jnz to the hlt
    0x89, 0xf0,                                      // mov eax, esi
    0xe6, 0xf4,                                      // out 0xf4, al
    0xf4,                                            // hlt
    0xf4, 0xf4,
};

}  // namespace

const std::string_view kProbedInstructions = "SSE2 and cmpxchg16b";

Result<ProbeGuest> PrepareProbe(const Kvm& kvm) {
  const GuestMemory::Range range{.start = 0, .size = 2 * kMiB};
  GuestMemory memory = VM_TRY(GuestMemory::Create({&range, 1}));
  if (!x86::WriteEntryTables(memory, kTables) || !memory.WriteBytes(kCode, kPayload)) {
    return Fail(ErrorCode::kDoesNotFit, "the probe's payload does not fit in its memory");
  }
  Vm vm = VM_TRY(Vm::Create(kvm));
  VM_TRY(vm.SetMemory(memory));
  VM_TRY(x86::ReservePages(vm, x86::kTssAddress, x86::kIdentityMapAddress));
  Vcpu vcpu = VM_TRY(vm.CreateVcpu(0));
  const auto host = VM_TRY(x86::SupportedCpuid(kvm));
  VM_TRY(x86::SetCpuid(
      vcpu, x86::GuestCpuid(host, {.vcpu = 0, .cpus = 1, .nested = false, .tsc_deadline = false})));
  const kvm_sregs reset = VM_TRY(x86::GetSregs(vcpu));
  VM_TRY(x86::SetCpuState(vcpu, x86::LinuxEntryState(reset, kTables, kCode, 0)));
  return ProbeGuest{.memory = std::move(memory), .vm = std::move(vm), .vcpu = std::move(vcpu)};
}

bool HasAnswered(Vcpu& vcpu) {
  const kvm_run& run = vcpu.run();
  return run.exit_reason == KVM_EXIT_IO && run.io.port == kAnswerPort &&
         vcpu.io_data()[0] == kAnswer;
}

}  // namespace vmtest
