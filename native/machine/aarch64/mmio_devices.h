// MmioDevices: the devices of an aarch64 guest besides virtio, wired to their addresses, and the
// console's way out.
//
// There are two UARTs, and what a guest writes to either reaches the same console: a kernel needs
// the driver of one only. Input goes to the PL011.
#pragma once

#include <memory>

#include "bus/bus.h"
#include "devices/console_pump.h"
#include "devices/pl011.h"
#include "devices/pl031.h"
#include "devices/pvpanic.h"
#include "devices/serial16550.h"
#include "event/event_fd.h"
#include "kvm/vm.h"
#include "machine/board.h"

namespace vmtest {

class MmioDevices {
 public:
  // Adds every device to `mmio` and their interrupts to `vm`; all must outlive this.
  static Result<std::unique_ptr<MmioDevices>> Create(EventLoop& loop, Board::Config& config,
                                                     Bus& mmio, Vm& vm);

  ConsolePump& console() { return *pump_; }

 private:
  MmioDevices(std::unique_ptr<ConsolePump> pump, EventFd pl011_irq, EventFd ns16550_irq,
              const Board::Config& config);
  Result<> AddTo(Bus& mmio);

  std::unique_ptr<ConsolePump> pump_;
  EventFd pl011_irq_;
  EventFd ns16550_irq_;
  Pl011 pl011_;
  Serial16550 ns16550_;
  Pl031 rtc_;
  Pvpanic pvpanic_;
};

}  // namespace vmtest
