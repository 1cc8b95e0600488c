// Offsets of the x86 setup header and zero page, as they are in a bzImage and in guest memory alike
// (Linux Documentation/arch/x86/{boot,zero-page}.rst). Little-endian, unaligned: reached by offset,
// so that no compiler's idea of a packed struct matters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"

namespace vmtest::setup {

// Zero page only.
inline constexpr size_t kAcpiRsdpAddr = 0x070;  // u64
inline constexpr size_t kE820Entries = 0x1e8;   // u8
inline constexpr size_t kE820Table = 0x2d0;     // 20 bytes each: u64 address, u64 size, u32 type
inline constexpr size_t kE820EntrySize = 20;
inline constexpr size_t kE820MaxEntries = 128;

// The setup header proper: from kHeader to 0x202 + the byte at kHeaderLength, and never beyond
// kHeaderEnd, where the zero page goes on with something else.
inline constexpr size_t kHeader = 0x1f1;
inline constexpr size_t kHeaderEnd = 0x290;
inline constexpr size_t kHeaderLength = 0x201;

inline constexpr size_t kSetupSects = 0x1f1;         // u8
inline constexpr size_t kSyssize = 0x1f4;            // u32, in units of 16 bytes
inline constexpr size_t kBootFlag = 0x1fe;           // u16, 0xaa55
inline constexpr size_t kMagic = 0x202;              // u32, "HdrS"
inline constexpr size_t kVersion = 0x206;            // u16, 0x020c is 2.12
inline constexpr size_t kTypeOfLoader = 0x210;       // u8
inline constexpr size_t kLoadflags = 0x211;          // u8
inline constexpr size_t kRamdiskImage = 0x218;       // u32
inline constexpr size_t kRamdiskSize = 0x21c;        // u32
inline constexpr size_t kCmdLinePtr = 0x228;         // u32
inline constexpr size_t kInitrdAddrMax = 0x22c;      // u32, the highest byte itself
inline constexpr size_t kKernelAlignment = 0x230;    // u32
inline constexpr size_t kRelocatableKernel = 0x234;  // u8
inline constexpr size_t kXloadflags = 0x236;         // u16
inline constexpr size_t kCmdlineSize = 0x238;        // u32, without the NUL
inline constexpr size_t kPrefAddress = 0x258;        // u64
inline constexpr size_t kInitSize = 0x260;           // u32

inline constexpr uint16_t kBootFlagValue = 0xaa55;
inline constexpr uint32_t kMagicValue = 0x53726448;  // "HdrS"
inline constexpr uint8_t kLoadedHigh = 1 << 0;       // in loadflags: a bzImage, not a zImage
inline constexpr uint16_t kXlfKernel64 = 1 << 0;     // has the 64-bit entry at 0x200
inline constexpr uint16_t kXlfAbove4G = 1 << 1;      // takes the initrd anywhere
inline constexpr uint8_t kLoaderUndefined = 0xff;    // we have no assigned loader number

template <typename T>
T Get(std::span<const uint8_t> bytes, size_t offset) {
  VMTEST_CHECK(offset + sizeof(T) <= bytes.size());
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
void Put(std::span<uint8_t> bytes, size_t offset, T value) {
  VMTEST_CHECK(offset + sizeof(T) <= bytes.size());
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

}  // namespace vmtest::setup
