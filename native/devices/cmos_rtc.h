// CmosRtc: the PC's clock and its battery-backed bytes, a MC146818 (Motorola data sheet) behind
// ports 0x70 and 0x71. It raises no interrupts: alarms and periods are kept but never come.
//
// The clock runs on a monotonic host clock from a base that is set once: a jump of the host's wall
// clock never reaches the guest.
#pragma once

#include <array>
#include <functional>
#include <mutex>

#include "devices/calendar.h"
#include "devices/monotonic_clock.h"
#include "devices/port_device.h"

namespace vmtest {

class CmosRtc final : public PortDevice {
 public:
  static constexpr uint64_t kPorts = 2;

  // Nanoseconds from any fixed point, never falling. Called on vCPU threads, several at once.
  using Clock = std::function<uint64_t()>;

  // `base_seconds`: Unix time at construction. `memory_bytes`, if not 0, is written where firmware
  // looks for the size of memory.
  explicit CmosRtc(int64_t base_seconds, uint64_t memory_bytes = 0, Clock clock = MonotonicClock);

  // Sets the clock; what `rtc_base` of the control protocol means, at the moment of the start.
  void SetTime(int64_t unix_seconds);

  // Load takes the time that was saved: for the guest no time has passed.
  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 protected:
  uint8_t ReadPort(uint64_t offset) override;
  void WritePort(uint64_t offset, uint8_t value) override;

 private:
  struct Now {
    int64_t seconds;
    uint64_t nanoseconds;  // of the second
  };

  // All with the mutex held.
  void StoreMemorySize(uint64_t bytes);
  void SetClock(int64_t seconds, uint64_t nanoseconds);
  Now Time() const;
  bool Halted() const;
  uint8_t ReadRegister(uint8_t index) const;
  void WriteRegister(uint8_t index, uint8_t value);
  // The time registers are where the guest sees them: taken from the clock, and put into it.
  void Latch();
  void Commit();

  const Clock clock_;
  mutable std::mutex mutex_;
  std::array<uint8_t, 128> ram_{};  // time registers: valid while halted
  uint8_t index_ = 0;
  int64_t base_seconds_ = 0;  // the time when clock_ said base_clock_
  uint64_t base_clock_ = 0;
};

}  // namespace vmtest
