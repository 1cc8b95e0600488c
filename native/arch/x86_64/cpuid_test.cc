#include "arch/x86_64/cpuid.h"

#include <gtest/gtest.h>

namespace vmtest::x86 {
namespace {

const kvm_cpuid_entry2* Find(const std::vector<kvm_cpuid_entry2>& entries, uint32_t function,
                             uint32_t index = 0) {
  for (const auto& entry : entries) {
    if (entry.function == function && entry.index == index) {
      return &entry;
    }
  }
  return nullptr;
}

const std::vector<kvm_cpuid_entry2> kHost = {
    {.function = 1, .ebx = 0xff00'0800, .ecx = 1u << 5, .edx = 0},
    {.function = 4, .index = 0, .eax = (7u << 26) | (1u << 14) | (1u << 5) | 1},
    {.function = 4, .index = 3, .eax = (7u << 26) | (15u << 14) | (3u << 5) | 3},
    {.function = 0xb, .index = 0, .eax = 1, .ebx = 2, .ecx = 0x100, .edx = 9},
    {.function = 0xb, .index = 1, .eax = 4, .ebx = 16, .ecx = 0x201, .edx = 9},
    {.function = 0x8000'0001, .ecx = 1u << 2},
    {.function = 0x8000'0008, .ecx = 0x4007},
    {.function = 0x8000'000a, .eax = 1, .ebx = 16},
    {.function = 0x8000'001e, .eax = 9, .ebx = 0x104, .ecx = 1},
};

TEST(CpuidTest, HidesVirtualizationUnlessNested) {
  const auto plain = GuestCpuid(kHost, {.vcpu = 0, .cpus = 1, .nested = false});
  EXPECT_EQ(Find(plain, 1)->ecx & (1u << 5), 0u);
  EXPECT_EQ(Find(plain, 0x8000'0001)->ecx & (1u << 2), 0u);
  EXPECT_EQ(Find(plain, 0x8000'000a)->ebx, 0u);

  const auto nested = GuestCpuid(kHost, {.vcpu = 0, .cpus = 1, .nested = true});
  EXPECT_NE(Find(nested, 1)->ecx & (1u << 5), 0u);
  EXPECT_NE(Find(nested, 0x8000'0001)->ecx & (1u << 2), 0u);
  EXPECT_EQ(Find(nested, 0x8000'000a)->ebx, 16u);
}

TEST(CpuidTest, TopologyIsOnePackageOfSingleThreadCores) {
  const auto leaves = GuestCpuid(kHost, {.vcpu = 2, .cpus = 3, .nested = false});
  EXPECT_EQ(Find(leaves, 1)->ebx >> 24, 2u);
  EXPECT_EQ((Find(leaves, 1)->ebx >> 16) & 0xff, 3u);
  EXPECT_NE(Find(leaves, 1)->edx & (1u << 28), 0u);

  const auto* thread = Find(leaves, 0xb, 0);
  const auto* core = Find(leaves, 0xb, 1);
  const auto* last = Find(leaves, 0xb, 2);
  ASSERT_TRUE(thread && core && last);
  EXPECT_EQ(thread->ebx, 1u);
  EXPECT_EQ(core->eax, 2u);  // three CPUs need two bits of APIC ID
  EXPECT_EQ(core->ebx, 3u);
  EXPECT_EQ(core->ecx, 0x201u);
  EXPECT_EQ(core->edx, 2u);
  EXPECT_EQ(last->ecx, 2u);

  EXPECT_EQ(Find(leaves, 4, 0)->eax >> 26, 2u);
  EXPECT_EQ((Find(leaves, 4, 0)->eax >> 14) & 0xfff, 0u);
  EXPECT_EQ((Find(leaves, 4, 3)->eax >> 14) & 0xfff, 2u);
  EXPECT_EQ(Find(leaves, 0x8000'0008)->ecx, 0x2002u);
  EXPECT_EQ(Find(leaves, 0x8000'001e)->eax, 2u);
}

TEST(CpuidTest, AlwaysAHypervisorAndTheTimerWhereKvmHasIt) {
  const auto with = GuestCpuid(kHost, {.vcpu = 0, .cpus = 1, .tsc_deadline = true});
  const auto without = GuestCpuid(kHost, {.vcpu = 0, .cpus = 1, .tsc_deadline = false});
  EXPECT_NE(Find(with, 1)->ecx & (1u << 31), 0u);
  EXPECT_NE(Find(with, 1)->ecx & (1u << 24), 0u);
  EXPECT_EQ(Find(without, 1)->ecx & (1u << 24), 0u);
  EXPECT_EQ(Find(with, 1)->edx & (1u << 28), 0u);  // one CPU: no multi-threading
}

}  // namespace
}  // namespace vmtest::x86
