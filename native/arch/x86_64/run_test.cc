// A vCPU that runs: the smallest guest there is.
#include <gtest/gtest.h>
#include <unistd.h>

#include "arch/x86_64/registers.h"
#include "kvm/vm.h"

namespace vmtest::x86 {
namespace {

// Runs wherever /dev/kvm opens, even where it only interprets: a real-mode payload is enough.
TEST(RunTest, RunsARealModePayloadThatWritesToAPort) {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "no accessible /dev/kvm on this machine";
  }
  const Kvm kvm = Kvm::Open().value();
  const GuestMemory::Range range{.start = 0, .size = 64 * kKiB};
  const GuestMemory memory = GuestMemory::Create({&range, 1}).value();
  // mov dx, 0xf4; mov al, 42; out dx, al; hlt
  const uint8_t payload[] = {0xba, 0xf4, 0x00, 0xb0, 0x2a, 0xee, 0xf4};
  ASSERT_TRUE(memory.WriteBytes(0x1000, payload));

  Vm vm = Vm::Create(kvm).value();
  ASSERT_TRUE(vm.SetMemory(memory));
  Vcpu vcpu = vm.CreateVcpu(0).value();
  kvm_sregs sregs = GetSregs(vcpu).value();
  sregs.cs.base = 0;
  sregs.cs.selector = 0;
  ASSERT_TRUE(SetSregs(vcpu, sregs));
  ASSERT_TRUE(SetRegs(vcpu, {.rip = 0x1000, .rflags = 2}));

  ASSERT_TRUE(vcpu.Run());
  ASSERT_EQ(vcpu.run().exit_reason, static_cast<uint32_t>(KVM_EXIT_IO));
  EXPECT_EQ(vcpu.run().io.port, 0xf4);
  ASSERT_EQ(vcpu.io_data().size(), 1u);
  EXPECT_EQ(vcpu.io_data()[0], 42);

  vcpu.RequestExit();
  const auto interrupted = vcpu.Run();
  ASSERT_FALSE(interrupted.has_value());
  EXPECT_EQ(interrupted.error().os_error, EINTR);
  vcpu.ClearExitRequest();
  ASSERT_TRUE(vcpu.Run());
  EXPECT_EQ(vcpu.run().exit_reason, static_cast<uint32_t>(KVM_EXIT_HLT));
}

}  // namespace
}  // namespace vmtest::x86
