// Counter: a number for statistics. Counted on one thread, read on any; it orders nothing.
#pragma once

#include <atomic>
#include <cstdint>

namespace vmtest {

class Counter {
 public:
  Counter() = default;
  Counter(const Counter& other) : value_(other.Get()) {}
  Counter& operator=(const Counter& other) {
    value_.store(other.Get(), std::memory_order_relaxed);
    return *this;
  }

  void Add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  void Subtract(uint64_t count) { value_.fetch_sub(count, std::memory_order_relaxed); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

}  // namespace vmtest
