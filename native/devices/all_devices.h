// Every device, for tests and fuzzing that treat them alike.
#pragma once

#include <atomic>
#include <vector>

#include "devices/acpi_power.h"
#include "devices/cmos_rtc.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/pl011.h"
#include "devices/pl031.h"
#include "devices/pvpanic.h"
#include "devices/reset_control.h"
#include "devices/serial16550.h"

namespace vmtest {

class AllDevices {
 public:
  struct Entry {
    const char* name;
    uint64_t size;  // of its range of addresses
    Device* device;
    bool bytewise;  // a PortDevice
  };

  const std::vector<Entry>& entries() const { return entries_; }
  Pl011& pl011() { return pl011_; }
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
  Pl011 pl011_{interrupt_, sink_};
  Pl031 pl031_{0, [this] { return clock_ += 123'456'789'012; }};
  std::vector<Entry> entries_{
      {"serial", Serial16550::kPorts, &serial_, true},
      {"i8042", I8042::kPorts, &i8042_, true},
      {"rtc", CmosRtc::kPorts, &rtc_, true},
      {"pvpanic", Pvpanic::kPorts, &pvpanic_, true},
      {"debug-exit", DebugExit::kPorts, &debug_exit_, true},
      {"acpi-power", AcpiPower::kPorts, &acpi_power_, true},
      {"reset-control", ResetControl::kPorts, &reset_control_, true},
      {"pl011", Pl011::kSize, &pl011_, false},
      {"pl031", Pl031::kSize, &pl031_, false},
  };
};

}  // namespace vmtest
