// Real KVM: what a vCPU is after it was made, and what it does first.
#include "arch/aarch64/vcpu_init.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "arch/aarch64/address_space.h"
#include "arch/aarch64/gic.h"
#include "arch/named_registers.h"
#include "boot/arm64_layout.h"

namespace vmtest::arm64 {
namespace {

class VcpuInitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no accessible /dev/kvm on this machine";
    }
    const GuestMemory::Range range{.start = kRam, .size = 2 * kMiB};
    memory_.emplace(GuestMemory::Create({&range, 1}).value());
    const Kvm kvm = Kvm::Open().value();
    vm_.emplace(Vm::Create(kvm, VmType(kvm, kRam + 2 * kMiB).value()).value());
    ASSERT_TRUE(vm_->SetMemory(*memory_));
  }

  Vcpu Make(uint32_t id, const VcpuFeatures& features = {}) {
    Vcpu vcpu = vm_->CreateVcpu(id).value();
    const auto made = InitVcpu(*vm_, vcpu, features);
    EXPECT_TRUE(made) << made.error().message;
    return vcpu;
  }

  std::optional<GuestMemory> memory_;
  std::optional<Vm> vm_;
};

TEST_F(VcpuInitTest, AffinityNamesEachCpu) {
  EXPECT_EQ(Affinity(Make(0)).value(), 0U);
  EXPECT_EQ(Affinity(Make(1)).value(), 1U);
  // Sixteen CPUs to a cluster, as the redistributors' lists can address them (Arm IHI 0069,
  // ICC_SGI1R_EL1).
  EXPECT_EQ(Affinity(Make(16)).value(), 0x100U);
}

TEST_F(VcpuInitTest, KnowsThePageSizes) {
  const Vcpu vcpu = Make(0);
  EXPECT_TRUE(HasPageSize(vcpu, 4 * kKiB).value());
  EXPECT_FALSE(HasPageSize(vcpu, 8 * kKiB).value());
}

TEST_F(VcpuInitTest, BeginsAtTheEntryWithTheDeviceTree) {
  const Vcpu vcpu = Make(0);
  ASSERT_TRUE(SetEntryState(vcpu, kRam + 0x1000, 0x1234'5678));
  const auto registers = NamedRegisters(vcpu);
  EXPECT_EQ(registers.at("pc"), kRam + 0x1000);
  EXPECT_EQ(registers.at("x0"), 0x1234'5678U);
  for (const char* name : {"x1", "x2", "x3"}) {
    EXPECT_EQ(registers.at(name), 0U) << name;
  }
  // EL1 with its own stack pointer, every interrupt masked; MMU and data cache off.
  EXPECT_EQ(registers.at("pstate") & 0x3cf, 0x3c5U);
  EXPECT_EQ(registers.at("sctlr_el1") & 0x5, 0U);
}

TEST_F(VcpuInitTest, SwitchesItselfOffThroughPsci) {
  const std::array<uint32_t, 4> payload = {
      0x52b08000,  // mov w0, #0x84000000
      0x72800100,  // movk w0, #8: SYSTEM_OFF
      0xd4000002,  // hvc #0
      0x14000000,  // b .
  };
  ASSERT_TRUE(memory_->Write(kRam, payload));
  Vcpu vcpu = Make(0);
  ASSERT_TRUE(SetEntryState(vcpu, kRam, 0));
  ASSERT_TRUE(vcpu.Run());
  EXPECT_EQ(vcpu.run().exit_reason, static_cast<uint32_t>(KVM_EXIT_SYSTEM_EVENT));
  EXPECT_EQ(vcpu.run().system_event.type, static_cast<uint32_t>(KVM_SYSTEM_EVENT_SHUTDOWN));
}

TEST_F(VcpuInitTest, TellsOfAnAccessThatItCannotDecode) {
  const std::array<uint32_t, 3> payload = {
      0xd2a12002,  // mov x2, #0x9000000
      0xa9400440,  // ldp x0, x1, [x2]
      0x14000000,  // b .
  };
  ASSERT_TRUE(memory_->Write(kRam, payload));
  ASSERT_TRUE(vm_->Enable(KVM_CAP_ARM_NISV_TO_USER, "be told"));
  Vcpu vcpu = Make(0);
  ASSERT_TRUE(SetEntryState(vcpu, kRam, 0));
  ASSERT_TRUE(vcpu.Run());
  EXPECT_EQ(vcpu.run().exit_reason, static_cast<uint32_t>(KVM_EXIT_ARM_NISV));
  EXPECT_EQ(vcpu.run().arm_nisv.fault_ipa, 0x0900'0000U);
}

TEST_F(VcpuInitTest, HasAPerformanceMonitorWhereItIsAskedFor) {
  if (vm_->Extension(KVM_CAP_ARM_PMU_V3) <= 0) {
    GTEST_SKIP() << "this host's KVM has none to give";
  }
  const Vcpu vcpu = Make(0, {.pmu = true});
  const auto gic = Gic::Create(*vm_, Gic::Choose(*vm_).value());
  ASSERT_TRUE(gic.has_value()) << gic.error().message;
  const auto started = StartPmu(vcpu);
  EXPECT_TRUE(started.has_value()) << started.error().message;
}

TEST_F(VcpuInitTest, FeaturesThatTheHostHasNotAreRefused) {
  const Vcpu vcpu = vm_->CreateVcpu(0).value();
  const auto made = InitVcpu(*vm_, vcpu, {.sve = true});
  if (vm_->Extension(KVM_CAP_ARM_SVE) > 0) {
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return;
  }
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(made.error().message, "this host's KVM gives guests no scalable vectors");
}

}  // namespace
}  // namespace vmtest::arm64
