// The registers of virtio over MMIO, version 2: virtio 1.2, section 4.2.2. Offsets in bytes.
#pragma once

#include <cstdint>

namespace vmtest::mmio {

inline constexpr uint64_t kMagicValue = 0x000;         // R
inline constexpr uint64_t kVersion = 0x004;            // R
inline constexpr uint64_t kDeviceId = 0x008;           // R
inline constexpr uint64_t kVendorId = 0x00c;           // R
inline constexpr uint64_t kDeviceFeatures = 0x010;     // R
inline constexpr uint64_t kDeviceFeaturesSel = 0x014;  // W
inline constexpr uint64_t kDriverFeatures = 0x020;     // W
inline constexpr uint64_t kDriverFeaturesSel = 0x024;  // W
inline constexpr uint64_t kQueueSel = 0x030;           // W
inline constexpr uint64_t kQueueNumMax = 0x034;        // R
inline constexpr uint64_t kQueueNum = 0x038;           // W
inline constexpr uint64_t kQueueReady = 0x044;         // RW
inline constexpr uint64_t kQueueNotify = 0x050;        // W
inline constexpr uint64_t kInterruptStatus = 0x060;    // R
inline constexpr uint64_t kInterruptAck = 0x064;       // W
inline constexpr uint64_t kStatus = 0x070;             // RW
inline constexpr uint64_t kQueueDescLow = 0x080;       // W
inline constexpr uint64_t kQueueDescHigh = 0x084;      // W
inline constexpr uint64_t kQueueDriverLow = 0x090;     // W, the available ring
inline constexpr uint64_t kQueueDriverHigh = 0x094;    // W
inline constexpr uint64_t kQueueDeviceLow = 0x0a0;     // W, the used ring
inline constexpr uint64_t kQueueDeviceHigh = 0x0a4;    // W
inline constexpr uint64_t kShmSel = 0x0ac;             // W
inline constexpr uint64_t kShmLenLow = 0x0b0;          // R
inline constexpr uint64_t kShmLenHigh = 0x0b4;         // R
inline constexpr uint64_t kShmBaseLow = 0x0b8;         // R
inline constexpr uint64_t kShmBaseHigh = 0x0bc;        // R
inline constexpr uint64_t kQueueReset = 0x0c0;         // RW, only with VIRTIO_F_RING_RESET
inline constexpr uint64_t kConfigGeneration = 0x0fc;   // R
inline constexpr uint64_t kConfig = 0x100;             // RW, any width

inline constexpr uint32_t kMagic = 0x74726976;  // "virt"
inline constexpr uint32_t kVersion2 = 2;
inline constexpr uint32_t kVendor = 0x54534d56;  // "VMST"

// What one device takes of the address space.
inline constexpr uint64_t kRangeSize = 0x1000;

// InterruptStatus.
inline constexpr uint32_t kUsedBuffer = 1;
inline constexpr uint32_t kConfigChange = 2;

// Status: virtio 1.2, section 2.1.
inline constexpr uint32_t kAcknowledge = 1;
inline constexpr uint32_t kDriver = 2;
inline constexpr uint32_t kDriverOk = 4;
inline constexpr uint32_t kFeaturesOk = 8;
inline constexpr uint32_t kNeedsReset = 64;
inline constexpr uint32_t kFailed = 128;

}  // namespace vmtest::mmio
