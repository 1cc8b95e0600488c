// PortDevices: the old PC devices of a guest, wired to their ports, and the console's way out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "bus/bus.h"
#include "control/guest_end.h"
#include "devices/acpi_power.h"
#include "devices/cmos_rtc.h"
#include "devices/console_pump.h"
#include "devices/debug_exit.h"
#include "devices/i8042.h"
#include "devices/pvpanic.h"
#include "devices/reset_control.h"
#include "devices/serial16550.h"
#include "event/event_fd.h"
#include "kvm/vm.h"

namespace vmtest {

class PortDevices {
 public:
  struct Config {
    UniqueFd console;
    int64_t rtc_base;  // Unix seconds
    uint64_t memory_bytes;
    std::function<void(GuestEnd)> on_end;  // on a vCPU thread
    std::function<void()> on_panic;        // on a vCPU thread
  };

  // Adds every device to `ports` and the serial port's interrupt to `vm`; all must outlive this.
  static Result<std::unique_ptr<PortDevices>> Create(EventLoop& loop, Config config, Bus& ports,
                                                     Vm& vm);

  ConsolePump& console() { return *pump_; }

 private:
  PortDevices(std::unique_ptr<ConsolePump> pump, EventFd serial_irq, const Config& config);
  Result<> AddTo(Bus& ports);

  std::unique_ptr<ConsolePump> pump_;
  EventFd serial_irq_;
  Serial16550 serial_;
  I8042 i8042_;
  CmosRtc rtc_;
  Pvpanic pvpanic_;
  DebugExit debug_exit_;
  AcpiPower acpi_power_;
  ResetControl reset_control_;
};

}  // namespace vmtest
