#include "machine/x86_64/port_devices.h"

#include "arch/x86_64/layout.h"

namespace vmtest {

Result<std::unique_ptr<PortDevices>> PortDevices::Create(EventLoop& loop, Config config, Bus& ports,
                                                         Vm& vm) {
  auto pump = VM_TRY(About("console", ConsolePump::Create(loop, std::move(config.console))));
  EventFd serial_irq = VM_TRY(EventFd::Create());
  VM_TRY(vm.AttachIrq(serial_irq, x86::kSerialGsi));
  std::unique_ptr<PortDevices> devices(
      new PortDevices(std::move(pump), std::move(serial_irq), config));
  VM_TRY(devices->AddTo(ports));
  devices->pump_->StartInput(devices->serial_);
  return devices;
}

PortDevices::PortDevices(std::unique_ptr<ConsolePump> pump, EventFd serial_irq,
                         const Config& config)
    : pump_(std::move(pump)),
      serial_irq_(std::move(serial_irq)),
      serial_(serial_irq_, *pump_),
      i8042_([end = config.on_end] { end(ResetRequested{.source = ResetSource::kI8042}); }),
      rtc_(config.rtc_base, config.memory_bytes),
      pvpanic_(config.on_panic),
      debug_exit_([end = config.on_end](uint8_t code) { end(DebugExited{.code = code}); }),
      acpi_power_([end = config.on_end] { end(PoweredOff{}); },
                  [end = config.on_end] { end(ResetRequested{.source = ResetSource::kAcpi}); }),
      reset_control_(
          [end = config.on_end] { end(ResetRequested{.source = ResetSource::kResetControl}); }) {}

Result<> PortDevices::AddTo(Bus& ports) {
  VM_TRY(ports.Add(x86::kSerialPort, Serial16550::kPorts, serial_, "serial port"));
  VM_TRY(ports.Add(x86::kI8042Port, I8042::kPorts, i8042_, "keyboard controller"));
  VM_TRY(ports.Add(x86::kRtcPort, CmosRtc::kPorts, rtc_, "real-time clock"));
  VM_TRY(ports.Add(x86::kPvpanicPort, Pvpanic::kPorts, pvpanic_, "pvpanic"));
  VM_TRY(ports.Add(x86::kDebugExitPort, DebugExit::kPorts, debug_exit_, "debug exit"));
  VM_TRY(ports.Add(x86::kSleepControlPort, AcpiPower::kPorts, acpi_power_, "ACPI power"));
  VM_TRY(ports.Add(x86::kResetControlPort, ResetControl::kPorts, reset_control_, "reset control"));
  return {};
}

}  // namespace vmtest
