// StateWriter and StateReader: how a device puts its state into bytes and takes it back.
//
// Little-endian, fixed widths, no padding. A device writes its own version first. What is read is
// checked like anything that comes from outside: a snapshot file can be damaged, so every read can
// fail, and a reader that has failed once stays failed (check ok() once, at the end).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vmtest {

class StateWriter {
 public:
  void U8(uint8_t value) { Number(value); }
  void U16(uint16_t value) { Number(value); }
  void U32(uint32_t value) { Number(value); }
  void U64(uint64_t value) { Number(value); }
  void Bool(bool value) { U8(value ? 1 : 0); }
  // A 32-bit length, then the bytes.
  void Bytes(std::span<const uint8_t> bytes);

  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  template <typename T>
  void Number(T value) {
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
    }
  }

  std::vector<uint8_t> bytes_;
};

class StateReader {
 public:
  explicit StateReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  uint8_t U8() { return Number<uint8_t>(); }
  uint16_t U16() { return Number<uint16_t>(); }
  uint32_t U32() { return Number<uint32_t>(); }
  uint64_t U64() { return Number<uint64_t>(); }
  bool Bool() { return U8() != 0; }
  // At most `max` bytes; more is a failure.
  std::vector<uint8_t> Bytes(size_t max);

  // A value that was read makes no sense for the device.
  void MarkBad() { ok_ = false; }
  bool ok() const { return ok_; }
  // True when everything was read and nothing failed.
  bool AtEnd() const { return ok_ && rest_.empty(); }

 private:
  template <typename T>
  T Number() {
    if (!ok_ || rest_.size() < sizeof(T)) {
      ok_ = false;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<uint64_t>(rest_[i]) << (8 * i);
    }
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(value);
  }

  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

}  // namespace vmtest
