// Pl031: Arm's real-time clock (PrimeCell RTC PL031, Arm DDI 0224; the section numbers below are
// its own): seconds since 1970. It raises no interrupts: an alarm is kept but never comes.
//
// The clock runs on a monotonic host clock from a base that is set once: a jump of the host's wall
// clock never reaches the guest.
#pragma once

#include <functional>
#include <mutex>

#include "devices/monotonic_clock.h"
#include "devices/register_device.h"

namespace vmtest {

class Pl031 final : public RegisterDevice {
 public:
  // Nanoseconds from any fixed point, never falling. Called on vCPU threads, several at once.
  using Clock = std::function<uint64_t()>;

  // `base_seconds`: Unix time at construction.
  explicit Pl031(int64_t base_seconds, Clock clock = MonotonicClock);

  // Load takes the time that was saved: for the guest no time has passed.
  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 protected:
  uint32_t ReadRegister(uint64_t offset) override;
  void WriteRegister(uint64_t offset, uint32_t value) override;
  uint32_t PeripheralId() const override;

 private:
  // All with the mutex held.
  uint32_t Now() const;
  void SetNow(uint32_t seconds);

  const Clock clock_;
  mutable std::mutex mutex_;
  uint32_t base_seconds_ = 0;  // the time when clock_ said base_clock_
  uint64_t base_clock_ = 0;
  uint32_t load_ = 0;
  uint32_t match_ = 0;
  bool mask_ = false;
};

}  // namespace vmtest
