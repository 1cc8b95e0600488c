// Serial16550: a 16550A UART (PC16550D data sheet; the section names below are its own), as Linux's
// 8250 driver finds it at the PC's COM1.
//
// Time does not pass on its line: a byte is sent the moment it is written, so the transmitter is
// always empty, and the receiver's character timeout has always expired. Modem lines are as if a
// ready modem were connected. The interrupt is the ISA bus's: an edge. OUT2 does not gate it.
#pragma once

#include <mutex>

#include "devices/port_device.h"
#include "devices/serial_sink.h"
#include "devices/uart_parts.h"
#include "event/event_fd.h"

namespace vmtest {

class Serial16550 final : public PortDevice, public SerialReceiver {
 public:
  static constexpr uint64_t kPorts = 8;
  static constexpr size_t kFifoSize = ReceiveFifo::kSize;

  // Both must outlive the UART. `interrupt` is signalled once for each edge (an irqfd).
  Serial16550(const EventFd& interrupt, SerialSink& sink) : interrupt_(interrupt), sink_(sink) {}

  [[nodiscard]] size_t Receive(std::span<const uint8_t> bytes) override;

  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 protected:
  uint8_t ReadPort(uint64_t offset) override;
  void WritePort(uint64_t offset, uint8_t value) override;

 private:
  // All below with the mutex held.
  uint8_t ReadRegister(uint64_t offset);
  void WriteRegister(uint64_t offset, uint8_t value, UartEffects& effects);
  void WriteFifoControl(uint8_t value);
  void WriteModemControl(uint8_t value);
  void WriteInterruptEnable(uint8_t value);
  bool Push(uint8_t byte);
  size_t Capacity() const;
  uint8_t InterruptId() const;
  uint8_t ModemLines() const;
  // Compares the interrupt line and the need for input with what was last reported.
  void Settle(UartEffects& effects);

  const EventFd& interrupt_;
  SerialSink& sink_;

  mutable std::mutex mutex_;
  ReceiveFifo fifo_;
  uint8_t interrupt_enable_ = 0;
  uint8_t fifo_control_ = 0;
  uint8_t line_control_ = 0;
  uint8_t modem_control_ = 0;
  uint8_t modem_deltas_ = 0;
  uint8_t scratch_ = 0;
  uint16_t divisor_ = 12;  // 9600 baud; kept for whoever reads it
  bool overrun_ = false;
  bool transmitter_interrupt_ = false;  // "transmitter holding register empty" not yet reported
  bool line_ = false;                   // the interrupt line
  bool input_waits_ = false;            // Receive refused something
};

}  // namespace vmtest
