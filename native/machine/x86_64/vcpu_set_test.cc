#include "machine/vcpu_set.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "arch/x86_64/registers.h"
#include "kvm/vm.h"

namespace vmtest {
namespace {

// Real KVM, real mode: payloads small enough for a host that only interprets.
class VcpuSetTest : public ::testing::Test {
 protected:
  class CountingPort : public BusDevice {
   public:
    void Read(uint64_t, std::span<uint8_t> data) override { data[0] = 0; }
    void Write(uint64_t, std::span<const uint8_t> data) override {
      bytes += data.size();
      ++writes;
    }
    std::atomic<uint64_t> writes = 0;
    std::atomic<uint64_t> bytes = 0;
  };

  void SetUp() override {
    if (::access("/dev/kvm", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no accessible /dev/kvm on this machine";
    }
    ASSERT_TRUE(ports_.Add(0xf4, 1, port_, "counter"));
    const GuestMemory::Range range{.start = 0, .size = 64 * kKiB};
    memory_.emplace(GuestMemory::Create({&range, 1}).value());
    vm_.emplace(Vm::Create(Kvm::Open().value()).value());
    ASSERT_TRUE(vm_->SetMemory(*memory_));
  }

  std::vector<Vcpu> Vcpus(uint32_t count, std::span<const uint8_t> payload) {
    EXPECT_TRUE(memory_->WriteBytes(0x1000, payload));
    std::vector<Vcpu> vcpus;
    for (uint32_t id = 0; id < count; ++id) {
      vcpus.push_back(vm_->CreateVcpu(id).value());
      kvm_sregs sregs = x86::GetSregs(vcpus.back()).value();
      sregs.cs.base = 0;
      sregs.cs.selector = 0;
      EXPECT_TRUE(x86::SetSregs(vcpus.back(), sregs));
      EXPECT_TRUE(x86::SetRegs(vcpus.back(), {.rip = 0x1000, .rflags = 2}));
    }
    return vcpus;
  }

  void Until(const std::function<bool()>& done) {
    while (!done()) {
      loop_->RunOnce(10);
    }
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  Bus ports_;
  Bus mmio_;
  CountingPort port_;
  std::optional<GuestMemory> memory_;
  std::optional<Vm> vm_;
  std::mutex mutex_;
  std::vector<GuestEnd> ends_;
  std::function<void(GuestEnd)> on_end_ = [this](GuestEnd end) {
    const std::lock_guard lock(mutex_);
    ends_.push_back(std::move(end));
  };
};

// out 0xf4, al ; jmp back
constexpr uint8_t kWriteForEver[] = {0xe6, 0xf4, 0xeb, 0xfc};
// jmp to itself: never leaves the guest on its own
constexpr uint8_t kSpin[] = {0xeb, 0xfe};

TEST_F(VcpuSetTest, AParkedGuestDoesNothingAndGoesOnAfterwards) {
  VcpuSet set(*loop_, ports_, mmio_, on_end_);
  set.Start(Vcpus(2, kWriteForEver));
  for (int round = 0; round < 50; ++round) {
    const uint64_t start = port_.writes;
    Until([&] { return port_.writes > start; });
    bool parked = false;
    set.Pause([&] { parked = true; });
    Until([&] { return parked; });
    const uint64_t before = port_.writes;
    loop_->RunOnce(1);
    ASSERT_EQ(port_.writes, before);
    set.Resume();
  }
  bool stopped = false;
  set.Stop([&] { stopped = true; });
  Until([&] { return stopped; });
  EXPECT_EQ(set.Counts().size(), 2u);
  EXPECT_EQ(set.Counts()[0].io + set.Counts()[1].io, port_.writes);
  EXPECT_TRUE(ends_.empty());
}

TEST_F(VcpuSetTest, AGuestThatNeverExitsCanBeStopped) {
  VcpuSet set(*loop_, ports_, mmio_, on_end_);
  set.Start(Vcpus(2, kSpin));
  bool parked = false;
  set.Pause([&] { parked = true; });
  Until([&] { return parked; });
  set.Resume();
  bool stopped = false;
  set.Stop([&] { stopped = true; });
  Until([&] { return stopped; });
  // A second Stop is answered too.
  stopped = false;
  set.Stop([&] { stopped = true; });
  Until([&] { return stopped; });
}

TEST_F(VcpuSetTest, APauseRightAfterAResumeIsAnswered) {
  VcpuSet set(*loop_, ports_, mmio_, on_end_);
  set.Start(Vcpus(2, kSpin));
  // The threads may not even have noticed that they were to run in between.
  for (int round = 0; round < 50; ++round) {
    bool parked = false;
    set.Pause([&] { parked = true; });
    Until([&] { return parked; });
    set.Resume();
  }
}

TEST_F(VcpuSetTest, DestructionStopsARunningGuest) {
  VcpuSet set(*loop_, ports_, mmio_, on_end_);
  set.Start(Vcpus(2, kSpin));
}

TEST_F(VcpuSetTest, StringOutputCountsEveryItem) {
  // mov cx, 5 ; mov dx, 0xf4 ; mov si, 0x1000 ; rep outsb ; jmp to itself
  const uint8_t payload[] = {0xb9, 0x05, 0x00, 0xba, 0xf4, 0x00, 0xbe,
                             0x00, 0x10, 0xf3, 0x6e, 0xeb, 0xfe};
  VcpuSet set(*loop_, ports_, mmio_, on_end_);
  set.Start(Vcpus(1, payload));
  Until([&] { return port_.bytes >= 5; });
  EXPECT_EQ(port_.writes, 5u);
}

}  // namespace
}  // namespace vmtest
