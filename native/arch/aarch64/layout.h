// Where the devices of an aarch64 machine answer. Guest RAM's own layout is boot/arm64_layout.h.
#pragma once

#include <cstdint>

namespace vmtest::arm64 {

// GICv3: distributor, ITS, and two frames of 64 KiB for each CPU's redistributor (Arm IHI 0069,
// 12.10). The room for 32 CPUs ends before the devices.
inline constexpr uint64_t kGicDistributor = 0x0800'0000;
inline constexpr uint64_t kGicV3DistributorSize = 0x1'0000;
inline constexpr uint64_t kGicIts = 0x0802'0000;
inline constexpr uint64_t kGicItsSize = 0x2'0000;
inline constexpr uint64_t kGicRedistributors = 0x0810'0000;
inline constexpr uint64_t kGicRedistributorSize = 0x2'0000;

// GICv2 (Arm IHI 0048, 4.1.2), with the same distributor address.
inline constexpr uint64_t kGicV2DistributorSize = 0x1000;
inline constexpr uint64_t kGicV2CpuInterface = 0x0801'0000;
inline constexpr uint64_t kGicV2CpuInterfaceSize = 0x2000;

// A page for each device.
inline constexpr uint64_t kDevicePage = 0x1000;
inline constexpr uint64_t kPl011 = 0x0900'0000;
inline constexpr uint64_t kNs16550 = 0x0900'1000;
inline constexpr uint64_t kPl031 = 0x0900'2000;
inline constexpr uint64_t kPvpanic = 0x0900'3000;
inline constexpr uint64_t kVirtioMmioBase = 0x0a00'0000;

// Shared peripheral interrupts, counted from 0.
inline constexpr uint32_t kPl011Spi = 0;
inline constexpr uint32_t kNs16550Spi = 1;
inline constexpr uint32_t kFirstVirtioSpi = 8;
inline constexpr uint32_t kVirtioSpis = 24;
// Interrupts of the GIC: 32 private ones, then the shared.
inline constexpr uint32_t kGicInterrupts = 64;
static_assert(32 + kFirstVirtioSpi + kVirtioSpis <= kGicInterrupts);

}  // namespace vmtest::arm64
