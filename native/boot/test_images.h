// Tiny kernels for tests and fuzzers: images that a loader accepts, built from a description, so
// that a test can spoil one field at a time.
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "memory/guest_memory.h"

namespace vmtest::test_images {

using Bytes = std::vector<uint8_t>;

struct Segment {
  uint64_t address;
  uint64_t memory_size;
  Bytes contents;
};

struct ElfSpec {
  uint64_t entry = 0x1000000;
  std::vector<Segment> segments = {{0x1000000, 0x3000, Bytes(0x2000, 0xe1)}};
  std::optional<uint64_t> pvh_entry = std::nullopt;
  unsigned pvh_entry_size = 8;  // bytes of the note
};

// ELF header, program headers (PT_LOAD each, PT_NOTE last when there is a PVH entry), contents.
Bytes BuildElf(const ElfSpec& spec);

// Of the ELF that BuildElf makes, to be changed in place.
inline constexpr size_t kElfProgramHeaders = sizeof(Elf64_Ehdr);

struct BzImageSpec {
  uint8_t setup_sects = 3;
  uint64_t pref_address = 0x1000000;
  uint32_t kernel_alignment = 0x200000;
  uint32_t init_size = 0x10000;
  uint32_t initrd_addr_max = 0x7fffffff;
  uint32_t cmdline_size = 2047;
  uint16_t xloadflags = 0x1;  // XLF_KERNEL_64
  Bytes payload = Bytes(0x1000, 0xb2);
};

Bytes BuildBzImage(const BzImageSpec& spec);

struct Arm64ImageSpec {
  uint64_t text_offset = 0;
  uint64_t image_size = 0x10000;
  uint64_t flags = 0xa;  // pages of 4 KiB, anywhere in memory
  Bytes payload = Bytes(0x1000, 0xa6);
};

// The header of 64 bytes, then the payload.
Bytes BuildArm64Image(const Arm64ImageSpec& spec);

// A file with these contents, in memory.
UniqueFd MakeFile(std::span<const uint8_t> contents);
// A file of `size` zero bytes that takes no room.
UniqueFd MakeSparseFile(uint64_t size);

// `size` bytes of guest memory, with the hole below 4 GiB as a machine makes it.
GuestMemory MakeMemory(uint64_t size);
// The same from 1 GiB on, as an aarch64 machine makes it.
GuestMemory MakeArm64Memory(uint64_t size);

// Overwrites a field.
template <typename T>
void Poke(Bytes& bytes, size_t offset, T value) {
  for (size_t i = 0; i < sizeof(T) && offset + i < bytes.size(); ++i) {
    bytes[offset + i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

}  // namespace vmtest::test_images
