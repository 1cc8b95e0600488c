// Real KVM: an interrupt controller, once there are CPUs, and lines into it.
#include "arch/aarch64/gic.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "arch/aarch64/address_space.h"
#include "arch/aarch64/vcpu_init.h"
#include "boot/arm64_layout.h"

namespace vmtest::arm64 {
namespace {

class GicTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no accessible /dev/kvm on this machine";
    }
    const Kvm kvm = Kvm::Open().value();
    vm_.emplace(Vm::Create(kvm, VmType(kvm, 2 * kGiB).value()).value());
  }

  std::optional<Vm> vm_;
};

TEST_F(GicTest, ServesItsCpusAndTakesInterruptLines) {
  const auto version = Gic::Choose(*vm_).value();
  std::vector<Vcpu> vcpus;
  for (uint32_t id = 0; id < 4; ++id) {
    vcpus.push_back(vm_->CreateVcpu(id).value());
    ASSERT_TRUE(InitVcpu(*vm_, vcpus.back(), {}));
  }
  const EventFd event = EventFd::Create().value();
  EXPECT_FALSE(vm_->AttachIrq(event, 0)) << "nothing to attach it to yet";
  const auto gic = Gic::Create(*vm_, version);
  ASSERT_TRUE(gic.has_value()) << gic.error().message;
  EXPECT_EQ(gic->version(), version);
  EXPECT_TRUE(version == Gic::Version::kV3 || !gic->has_its());
  const auto attached = vm_->AttachIrq(event, 0);
  EXPECT_TRUE(attached.has_value()) << attached.error().message;
}

TEST_F(GicTest, TheOlderOneServesEightCpus) {
  EXPECT_EQ(Gic::MaxCpus(Gic::Version::kV2), 8U);
  EXPECT_EQ(Gic::MaxCpus(Gic::Version::kV3), 32U);
}

TEST_F(GicTest, MemoryBeyondWhatTheHostCanAddressIsRefused) {
  const Kvm kvm = Kvm::Open().value();
  const auto type = VmType(kvm, uint64_t{1} << 60);
  ASSERT_FALSE(type.has_value());
  EXPECT_EQ(type.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(type.error().subject, "memory_mib");
}

}  // namespace
}  // namespace vmtest::arm64
