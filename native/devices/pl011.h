// Pl011: Arm's UART (PrimeCell UART PL011, Arm DDI 0183; the section numbers below are its own), as
// Linux's amba-pl011 driver finds it.
//
// Time does not pass on its line: a byte is sent the moment it is written, so the transmitter is
// always empty, and the receiver's timeout has always expired. It sends whether or not it was
// enabled, because early consoles write before anyone has. The interrupt is an edge.
#pragma once

#include <mutex>

#include "devices/register_device.h"
#include "devices/serial_sink.h"
#include "devices/uart_parts.h"
#include "event/event_fd.h"

namespace vmtest {

class Pl011 final : public RegisterDevice, public SerialReceiver {
 public:
  static constexpr size_t kFifoSize = ReceiveFifo::kSize;

  // Both must outlive the UART. `interrupt` is signalled once for each edge (an irqfd).
  Pl011(const EventFd& interrupt, SerialSink& sink) : interrupt_(interrupt), sink_(sink) {}

  [[nodiscard]] size_t Receive(std::span<const uint8_t> bytes) override;

  void Save(StateWriter& writer) const override;
  void Load(StateReader& reader) override;

 protected:
  uint32_t ReadRegister(uint64_t offset) override;
  void WriteRegister(uint64_t offset, uint32_t value) override;
  uint32_t PeripheralId() const override;

 private:
  // All below with the mutex held.
  uint32_t Get(uint64_t offset);
  void Set(uint64_t offset, uint32_t value, UartEffects& effects);
  void Transmit(uint8_t byte, UartEffects& effects);
  bool Push(uint8_t byte);
  uint32_t Pop();
  size_t Capacity() const;
  // Connected to the line and switched on.
  bool Listening() const;
  uint32_t Flags() const;
  uint32_t RawInterrupts() const;
  // Compares the interrupt line and the need for input with what was last reported.
  void Settle(UartEffects& effects);

  const EventFd& interrupt_;
  SerialSink& sink_;

  mutable std::mutex mutex_;
  ReceiveFifo fifo_;
  uint32_t integer_divisor_ = 0;
  uint32_t fractional_divisor_ = 0;
  uint32_t line_control_ = 0;
  uint32_t control_ = 0x300;  // 3.3.8: both directions on, the UART itself off
  uint32_t fifo_levels_ = 0x12;
  uint32_t mask_ = 0;
  uint32_t dma_control_ = 0;
  uint32_t low_power_ = 0;
  bool overrun_ = false;
  bool transmitted_ = false;  // since the transmit interrupt was last cleared
  bool line_ = false;         // the interrupt line
  bool input_waits_ = false;  // Receive refused something
};

}  // namespace vmtest
