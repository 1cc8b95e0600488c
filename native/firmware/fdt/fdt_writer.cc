#include "firmware/fdt/fdt_writer.h"

#include <fmt/format.h>
#include <libfdt.h>

namespace vmtest {
namespace {

// Byte by byte: what it is on the host does not matter.
void Append(std::vector<uint8_t>& out, uint32_t cell) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<uint8_t>(cell >> shift));
  }
}

}  // namespace

FdtWriter::Node::~Node() { writer_.Do(::fdt_end_node); }

FdtWriter::FdtWriter(size_t limit) : buffer_(limit) {
  Do(::fdt_create, static_cast<int>(buffer_.size()));
  Do(::fdt_finish_reservemap);
}

FdtWriter::Node FdtWriter::Begin(std::string_view name) {
  Do(::fdt_begin_node, std::string(name).c_str());
  return Node(*this);
}

FdtWriter::Node FdtWriter::Begin(std::string_view name, uint64_t unit_address) {
  return Begin(fmt::format("{}@{:x}", name, unit_address));
}

void FdtWriter::Empty(std::string_view name) { Bytes(name, {}); }

void FdtWriter::Cells(std::string_view name, std::span<const uint32_t> cells) {
  std::vector<uint8_t> bytes;
  for (const uint32_t cell : cells) {
    Append(bytes, cell);
  }
  Bytes(name, bytes);
}

void FdtWriter::Cells(std::string_view name, std::initializer_list<uint32_t> cells) {
  Cells(name, std::span(cells.begin(), cells.size()));
}

void FdtWriter::Wide(std::string_view name, std::initializer_list<uint64_t> values) {
  std::vector<uint8_t> bytes;
  for (const uint64_t value : values) {
    Append(bytes, static_cast<uint32_t>(value >> 32));
    Append(bytes, static_cast<uint32_t>(value));
  }
  Bytes(name, bytes);
}

void FdtWriter::String(std::string_view name, std::string_view text) { Strings(name, {text}); }

void FdtWriter::Strings(std::string_view name, std::initializer_list<std::string_view> texts) {
  std::vector<uint8_t> bytes;
  for (const std::string_view text : texts) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.push_back(0);
  }
  Bytes(name, bytes);
}

void FdtWriter::Bytes(std::string_view name, std::span<const uint8_t> bytes) {
  Do(::fdt_property, std::string(name).c_str(), bytes.data(), static_cast<int>(bytes.size()));
}

Result<std::vector<uint8_t>> FdtWriter::Finish() {
  Do(::fdt_finish);
  if (error_ == -FDT_ERR_NOSPACE) {
    return Fail(ErrorCode::kDoesNotFit,
                fmt::format("the device tree has more than {} bytes", buffer_.size()));
  }
  if (error_ != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot write the device tree: {}", ::fdt_strerror(error_)));
  }
  const void* const tree = buffer_.data();
  buffer_.resize(fdt_totalsize(tree));
  return std::move(buffer_);
}

}  // namespace vmtest
