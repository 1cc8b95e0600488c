// FdtWriter: a flattened device tree (Devicetree Specification v0.4, section 5), written from the
// root down with libfdt.
//
// Cells are big-endian, a property's type is the reader's to know, and a node ends where its Node
// object does: a tree cannot come out unbalanced. The first failure (there is no room) sticks, and
// Finish tells it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vmtest {

class FdtWriter {
 public:
  // Ends its node when it goes.
  class Node {
   public:
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node();

   private:
    friend class FdtWriter;
    explicit Node(FdtWriter& writer) : writer_(writer) {}
    FdtWriter& writer_;
  };

  // `limit`: bytes that the tree may have.
  explicit FdtWriter(size_t limit);

  // The root has the empty name, the first node; all others lie in the one that is open.
  [[nodiscard]] Node Begin(std::string_view name);
  // "name@unit_address", as the specification wants it of nodes with a `reg`.
  [[nodiscard]] Node Begin(std::string_view name, uint64_t unit_address);

  // Properties come before a node's children.
  void Empty(std::string_view name);
  void Cells(std::string_view name, std::span<const uint32_t> cells);
  void Cells(std::string_view name, std::initializer_list<uint32_t> cells);
  // Two cells each: addresses and sizes where #address-cells and #size-cells are 2.
  void Wide(std::string_view name, std::initializer_list<uint64_t> values);
  void String(std::string_view name, std::string_view text);
  void Strings(std::string_view name, std::initializer_list<std::string_view> texts);
  void Bytes(std::string_view name, std::span<const uint8_t> bytes);

  // The tree, packed. kDoesNotFit when it has more than `limit` bytes. Once, when every node has
  // ended.
  Result<std::vector<uint8_t>> Finish();

 private:
  // Calls a function of libfdt on the tree; nothing more once one has failed, because libfdt trusts
  // what it wrote before.
  template <typename Function, typename... Arguments>
  void Do(Function function, Arguments... arguments) {
    if (error_ == 0) {
      error_ = function(buffer_.data(), arguments...);
    }
  }

  std::vector<uint8_t> buffer_;
  int error_ = 0;  // of libfdt, the first
};

}  // namespace vmtest
