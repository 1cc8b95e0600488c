#include "firmware/acpi/aml.h"

#include "base/check.h"
#include "firmware/acpi/table.h"

namespace vmtest::acpi {
namespace {

// 20.3 "AML Byte Stream Byte Values".
constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kWordPrefix = 0x0b;
constexpr uint8_t kDWordPrefix = 0x0c;
constexpr uint8_t kStringPrefix = 0x0d;
constexpr uint8_t kQWordPrefix = 0x0e;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kBufferOp = 0x11;
constexpr uint8_t kPackageOp = 0x12;
constexpr uint8_t kExtOpPrefix = 0x5b;
constexpr uint8_t kDeviceOp = 0x82;  // after kExtOpPrefix

constexpr size_t kSegmentLength = 4;

// 20.2.4: the length counts itself. One byte holds 6 bits; more hold 4 bits and 8 each after it,
// with their number in the top two bits of the first.
std::vector<uint8_t> PackageLength(size_t contents) {
  if (contents + 1 < (1U << 6)) {
    return {static_cast<uint8_t>(contents + 1)};
  }
  for (size_t more = 1; more <= 3; ++more) {
    const size_t length = contents + 1 + more;
    if (length < (1ULL << (4 + 8 * more))) {
      std::vector<uint8_t> bytes = {static_cast<uint8_t>((more << 6) | (length & 0xf))};
      AppendLittleEndian(bytes, length >> 4, more);
      return bytes;
    }
  }
  VMTEST_CHECK(false);  // 256 MiB of AML
  return {};
}

unsigned HexDigit(char digit) {
  VMTEST_CHECK((digit >= '0' && digit <= '9') || (digit >= 'A' && digit <= 'F'));
  return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

}  // namespace

size_t AmlWriter::BeginScope(std::string_view name) {
  bytes_.push_back(kScopeOp);
  const size_t start = bytes_.size();
  Segment(name);
  return start;
}

size_t AmlWriter::BeginDevice(std::string_view name) {
  bytes_.push_back(kExtOpPrefix);
  bytes_.push_back(kDeviceOp);
  const size_t start = bytes_.size();
  Segment(name);
  return start;
}

void AmlWriter::EndPackage(size_t start) {
  const std::vector<uint8_t> length = PackageLength(bytes_.size() - start);
  bytes_.insert(bytes_.begin() + static_cast<ptrdiff_t>(start), length.begin(), length.end());
}

void AmlWriter::Name(std::string_view name) {
  bytes_.push_back(kNameOp);
  Segment(name);
}

void AmlWriter::Segment(std::string_view name) {
  VMTEST_CHECK(!name.empty() && name.size() <= kSegmentLength);
  AppendText(bytes_, name);
  bytes_.insert(bytes_.end(), kSegmentLength - name.size(), '_');  // 20.2.2: padded with _
}

void AmlWriter::Integer(uint64_t value) {
  if (value == 0) {
    bytes_.push_back(kZeroOp);
  } else if (value == 1) {
    bytes_.push_back(kOneOp);
  } else if (value <= UINT8_MAX) {
    bytes_.push_back(kBytePrefix);
    AppendLittleEndian(bytes_, value, 1);
  } else if (value <= UINT16_MAX) {
    bytes_.push_back(kWordPrefix);
    AppendLittleEndian(bytes_, value, 2);
  } else if (value <= UINT32_MAX) {
    bytes_.push_back(kDWordPrefix);
    AppendLittleEndian(bytes_, value, 4);
  } else {
    bytes_.push_back(kQWordPrefix);
    AppendLittleEndian(bytes_, value, 8);
  }
}

void AmlWriter::NameInteger(std::string_view name, uint64_t value) {
  Name(name);
  Integer(value);
}

void AmlWriter::NameString(std::string_view name, std::string_view value) {
  Name(name);
  bytes_.push_back(kStringPrefix);
  AppendText(bytes_, value);
  bytes_.push_back(0);
}

void AmlWriter::NameEisaId(std::string_view name, std::string_view id) {
  VMTEST_CHECK(id.size() == 7);
  // Five bits a letter, four a digit, most significant byte first.
  uint32_t packed = 0;
  for (const char letter : id.substr(0, 3)) {
    VMTEST_CHECK(letter >= 'A' && letter <= 'Z');
    packed = (packed << 5) | static_cast<uint32_t>(letter - 'A' + 1);
  }
  for (const char digit : id.substr(3)) {
    packed = (packed << 4) | HexDigit(digit);
  }
  Name(name);
  bytes_.push_back(kDWordPrefix);
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes_.push_back(static_cast<uint8_t>(packed >> shift));
  }
}

void AmlWriter::NamePackage(std::string_view name, std::span<const uint64_t> integers) {
  VMTEST_CHECK(integers.size() <= UINT8_MAX);
  Name(name);
  bytes_.push_back(kPackageOp);
  const size_t start = bytes_.size();
  bytes_.push_back(static_cast<uint8_t>(integers.size()));
  for (const uint64_t integer : integers) {
    Integer(integer);
  }
  EndPackage(start);
}

void AmlWriter::NameResources(std::string_view name, const ResourceTemplate& resources) {
  const std::vector<uint8_t> contents = resources.Finish();
  Name(name);
  bytes_.push_back(kBufferOp);
  const size_t start = bytes_.size();
  Integer(contents.size());
  bytes_.insert(bytes_.end(), contents.begin(), contents.end());
  EndPackage(start);
}

}  // namespace vmtest::acpi
