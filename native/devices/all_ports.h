// Every port device, for tests and fuzzing that treat them alike.
#pragma once

#include <atomic>
#include <vector>

#include "devices/acpi_power.h"
#include "devices/cmos_rtc.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/pvpanic.h"
#include "devices/reset_control.h"
#include "devices/serial16550.h"

namespace vmtest {

class AllPorts {
 public:
  struct Entry {
    const char* name;
    uint64_t ports;
    PortDevice* device;
  };

  const std::vector<Entry>& entries() const { return entries_; }
  Serial16550& serial() { return serial_; }
  uint64_t sent() const { return sink_.sent; }
  uint64_t calls() const { return calls_; }

 private:
  class CountingSink final : public SerialSink {
   public:
    void Write(std::span<const uint8_t> bytes) override { sent += bytes.size(); }
    void OnInputRoom() override { ++rooms; }
    std::atomic<uint64_t> sent = 0;
    std::atomic<uint64_t> rooms = 0;
  };
  std::function<void()> Count() {
    return [this] { ++calls_; };
  }

  std::atomic<uint64_t> calls_ = 0;
  std::atomic<uint64_t> clock_ = 0;
  EventFd interrupt_ = EventFd::Create().value();
  CountingSink sink_;
  Serial16550 serial_{interrupt_, sink_};
  I8042 i8042_{Count()};
  // A clock that jumps, so that every part of a second and of a year is met.
  CmosRtc rtc_{0, 0, [this] { return clock_ += 123'456'789'012; }};
  Pvpanic pvpanic_{Count(), Count()};
  DebugExit debug_exit_{[this](uint8_t) { ++calls_; }};
  AcpiPower acpi_power_{Count(), Count()};
  ResetControl reset_control_{Count()};
  std::vector<Entry> entries_{
      {"serial", Serial16550::kPorts, &serial_},
      {"i8042", I8042::kPorts, &i8042_},
      {"rtc", CmosRtc::kPorts, &rtc_},
      {"pvpanic", Pvpanic::kPorts, &pvpanic_},
      {"debug-exit", DebugExit::kPorts, &debug_exit_},
      {"acpi-power", AcpiPower::kPorts, &acpi_power_},
      {"reset-control", ResetControl::kPorts, &reset_control_},
  };
};

}  // namespace vmtest
