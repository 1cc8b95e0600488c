// RecordingInterrupt: a VirtioInterrupt that remembers what the device told the driver.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "virtio/device.h"

namespace vmtest {

class RecordingInterrupt : public VirtioInterrupt {
 public:
  void SignalQueue(uint16_t index) override {
    const std::lock_guard lock(mutex_);
    ++queues_[index];
  }
  void SignalConfig() override {
    const std::lock_guard lock(mutex_);
    ++config_;
  }
  void NotifyAgain(uint16_t index) override {
    const std::lock_guard lock(mutex_);
    again_.insert(index);
  }
  void Fail(std::string_view why) override {
    const std::lock_guard lock(mutex_);
    failures_.emplace_back(why);
  }

  // Signals of one queue since the last call.
  int TakeQueueSignals(uint16_t index) {
    const std::lock_guard lock(mutex_);
    return std::exchange(queues_[index], 0);
  }
  int TakeConfigSignals() {
    const std::lock_guard lock(mutex_);
    return std::exchange(config_, 0);
  }
  // True when the device wanted to be notified again since the last call.
  bool TakeNotifyAgain(uint16_t index) {
    const std::lock_guard lock(mutex_);
    return again_.erase(index) > 0;
  }
  // What Fail was called with, oldest first.
  std::vector<std::string> failures() const {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  bool failed() const { return !failures().empty(); }

 private:
  mutable std::mutex mutex_;
  std::map<uint16_t, int> queues_;
  int config_ = 0;
  std::set<uint16_t> again_;
  std::vector<std::string> failures_;
};

}  // namespace vmtest
