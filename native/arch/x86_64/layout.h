// Where the devices of an x86_64 machine answer. Guest RAM's own layout is boot/x86_layout.h.
#pragma once

#include <array>
#include <cstdint>

namespace vmtest::x86 {

// Physical addresses, all in the hole between 3 GiB and 4 GiB.
inline constexpr uint64_t kVirtioMmioBase = 0xd000'0000;
inline constexpr uint64_t kVirtioMmioSize = 0x1000;  // of one device
inline constexpr uint64_t kIoApicBase = 0xfec0'0000;
inline constexpr uint64_t kLocalApicBase = 0xfee0'0000;
// The pages that KVM borrows on Intel hosts, where PC firmware would be.
inline constexpr uint64_t kIdentityMapAddress = 0xfeff'c000;
inline constexpr uint64_t kTssAddress = 0xfeff'd000;  // three pages

// Port numbers.
inline constexpr uint16_t kI8042Port = 0x60;  // 0x60 and 0x64; 0x61 is the in-kernel PIT's
inline constexpr uint16_t kRtcPort = 0x70;
inline constexpr uint16_t kDebugExitPort = 0xf4;  // as QEMU's isa-debug-exit, by convention
inline constexpr uint16_t kSerialPort = 0x3f8;
inline constexpr uint16_t kPvpanicPort = 0x505;
inline constexpr uint16_t kSleepControlPort = 0x600;
inline constexpr uint16_t kSleepStatusPort = 0x601;
inline constexpr uint16_t kResetPort = 0x602;
inline constexpr uint16_t kResetControlPort = 0xcf9;

inline constexpr uint32_t kSerialGsi = 4;
// One I/O APIC has 24 pins. 0 is the timer, 2 the cascade, 1, 3, 4 and 8 belong to old devices;
// these are free for virtio devices.
inline constexpr std::array<uint32_t, 18> kVirtioGsis = {5,  6,  7,  9,  10, 11, 12, 13, 14,
                                                         15, 16, 17, 18, 19, 20, 21, 22, 23};

}  // namespace vmtest::x86
