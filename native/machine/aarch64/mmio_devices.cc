#include "machine/aarch64/mmio_devices.h"

#include "arch/aarch64/layout.h"

namespace vmtest {

Result<std::unique_ptr<MmioDevices>> MmioDevices::Create(EventLoop& loop, Board::Config& config,
                                                         Bus& mmio, Vm& vm) {
  auto pump = VM_TRY(About("console", ConsolePump::Create(loop, std::move(config.console))));
  EventFd pl011_irq = VM_TRY(EventFd::Create());
  VM_TRY(vm.AttachIrq(pl011_irq, arm64::kPl011Spi));
  EventFd ns16550_irq = VM_TRY(EventFd::Create());
  VM_TRY(vm.AttachIrq(ns16550_irq, arm64::kNs16550Spi));
  std::unique_ptr<MmioDevices> devices(
      new MmioDevices(std::move(pump), std::move(pl011_irq), std::move(ns16550_irq), config));
  VM_TRY(devices->AddTo(mmio));
  devices->pump_->StartInput(devices->pl011_);
  return devices;
}

MmioDevices::MmioDevices(std::unique_ptr<ConsolePump> pump, EventFd pl011_irq, EventFd ns16550_irq,
                         const Board::Config& config)
    : pump_(std::move(pump)),
      pl011_irq_(std::move(pl011_irq)),
      ns16550_irq_(std::move(ns16550_irq)),
      pl011_(pl011_irq_, *pump_),
      ns16550_(ns16550_irq_, *pump_),
      rtc_(config.rtc_base),
      pvpanic_(config.on_panic) {}

Result<> MmioDevices::AddTo(Bus& mmio) {
  VM_TRY(mmio.Add(arm64::kPl011, Pl011::kSize, pl011_, "PL011"));
  VM_TRY(mmio.Add(arm64::kNs16550, Serial16550::kPorts, ns16550_, "serial port"));
  VM_TRY(mmio.Add(arm64::kPl031, Pl031::kSize, rtc_, "real-time clock"));
  VM_TRY(mmio.Add(arm64::kPvpanic, Pvpanic::kPorts, pvpanic_, "pvpanic"));
  return {};
}

}  // namespace vmtest
