#include "devices/serial16550.h"

#include <utility>

namespace vmtest {
namespace {

enum Register : uint64_t {
  kData = 0,             // RBR and THR; DLL with DLAB
  kInterruptEnable = 1,  // DLM with DLAB
  kInterruptId = 2,      // write: FIFO control
  kLineControl = 3,
  kModemControl = 4,
  kLineStatus = 5,
  kModemStatus = 6,
  kScratch = 7,
};

// Interrupt enable register, 8.6. The upper four bits are always zero, which tells Linux that this
// is none of the 16550's larger cousins.
constexpr uint8_t kEnableReceived = 1U << 0;
constexpr uint8_t kEnableTransmitter = 1U << 1;
constexpr uint8_t kEnableLineStatus = 1U << 2;
constexpr uint8_t kEnableModemStatus = 1U << 3;
constexpr uint8_t kEnableAll = 0x0f;

// Interrupt identification register, 8.5: in the order of their priority.
constexpr uint8_t kIdLineStatus = 0x06;
constexpr uint8_t kIdReceived = 0x04;
constexpr uint8_t kIdTimeout = 0x0c;
constexpr uint8_t kIdTransmitter = 0x02;
constexpr uint8_t kIdModemStatus = 0x00;
constexpr uint8_t kIdNone = 0x01;
constexpr uint8_t kIdFifosEnabled = 0xc0;

// FIFO control register, 8.4.
constexpr uint8_t kFifoEnable = 1U << 0;
constexpr uint8_t kFifoClearReceiver = 1U << 1;
constexpr uint8_t kFifoKept = 0xc9;  // enable, DMA mode, trigger level
constexpr std::array<size_t, 4> kTriggerLevels = {1, 4, 8, 14};

constexpr uint8_t kDivisorLatch = 1U << 7;  // line control register

// Modem control register, 8.7.
constexpr uint8_t kDtr = 1U << 0;
constexpr uint8_t kRts = 1U << 1;
constexpr uint8_t kOut1 = 1U << 2;
constexpr uint8_t kOut2 = 1U << 3;
constexpr uint8_t kLoopback = 1U << 4;
constexpr uint8_t kModemControlBits = 0x1f;

// Line status register, 8.3.
constexpr uint8_t kDataReady = 1U << 0;
constexpr uint8_t kOverrun = 1U << 1;
constexpr uint8_t kTransmitterEmpty = 0x60;  // holding and shift register

// Modem status register, 8.8: four lines, and below them four bits that tell of a change.
constexpr uint8_t kCts = 1U << 4;
constexpr uint8_t kDsr = 1U << 5;
constexpr uint8_t kRing = 1U << 6;
constexpr uint8_t kCarrier = 1U << 7;
constexpr uint8_t kRingDelta = 1U << 2;

}  // namespace

size_t Serial16550::Receive(std::span<const uint8_t> bytes) {
  size_t taken = 0;
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    // In loopback the line is cut off from the receiver; what comes then waits outside.
    const bool listening = (modem_control_ & kLoopback) == 0;
    while (listening && taken < bytes.size() && fifo_.size() < Capacity()) {
      Push(bytes[taken++]);
    }
    input_waits_ = taken < bytes.size();
    Settle(effects);
    // Also when the line was high before: a spurious edge costs the guest one look, one that went
    // lost while the guest had the pin masked would cost it the console.
    effects.interrupt |= taken > 0 && line_;
    effects.input_room = false;  // the caller knows
  }
  effects.Execute(interrupt_, sink_, 0);
  return taken;
}

uint8_t Serial16550::ReadPort(uint64_t offset) {
  uint8_t value = 0;
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    value = ReadRegister(offset);
    Settle(effects);
  }
  effects.Execute(interrupt_, sink_, 0);
  return value;
}

void Serial16550::WritePort(uint64_t offset, uint8_t value) {
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    WriteRegister(offset, value, effects);
    Settle(effects);
  }
  effects.Execute(interrupt_, sink_, value);
}

uint8_t Serial16550::ReadRegister(uint64_t offset) {
  const bool divisor = (line_control_ & kDivisorLatch) != 0;
  switch (offset) {
    case kData:
      return divisor ? static_cast<uint8_t>(divisor_) : fifo_.Pop();
    case kInterruptEnable:
      return divisor ? static_cast<uint8_t>(divisor_ >> 8) : interrupt_enable_;
    case kInterruptId: {
      const uint8_t id = InterruptId();
      if (id == kIdTransmitter) {
        transmitter_interrupt_ =
            false;  // 8.5: reading the IIR resets this source, if it is the one
      }
      return id | ((fifo_control_ & kFifoEnable) != 0 ? kIdFifosEnabled : uint8_t{0});
    }
    case kLineControl:
      return line_control_;
    case kModemControl:
      return modem_control_;
    case kLineStatus:
      return static_cast<uint8_t>(kTransmitterEmpty | (fifo_.size() > 0 ? kDataReady : 0) |
                                  (std::exchange(overrun_, false) ? kOverrun : 0));
    case kModemStatus:
      return static_cast<uint8_t>(ModemLines() | std::exchange(modem_deltas_, uint8_t{0}));
    case kScratch:
      return scratch_;
    default:
      return 0xff;
  }
}

void Serial16550::WriteRegister(uint64_t offset, uint8_t value, UartEffects& effects) {
  const bool divisor = (line_control_ & kDivisorLatch) != 0;
  switch (offset) {
    case kData:
      if (divisor) {
        divisor_ = static_cast<uint16_t>((divisor_ & 0xff00) | value);
        return;
      }
      // Full, which takes the interrupt back, and at once empty again: an edge for each byte.
      transmitter_interrupt_ = false;
      line_ = InterruptId() != kIdNone;
      transmitter_interrupt_ = true;
      if ((modem_control_ & kLoopback) != 0) {
        overrun_ |= !Push(value);
      } else {
        effects.transmit = true;
      }
      return;
    case kInterruptEnable:
      if (divisor) {
        divisor_ = static_cast<uint16_t>((divisor_ & 0x00ff) | (value << 8));
      } else {
        WriteInterruptEnable(value);
      }
      return;
    case kInterruptId:
      WriteFifoControl(value);
      return;
    case kLineControl:
      line_control_ = value;
      return;
    case kModemControl:
      WriteModemControl(value);
      return;
    case kScratch:
      scratch_ = value;
      return;
    default:
      return;  // the status registers are not for writing
  }
}

void Serial16550::WriteInterruptEnable(uint8_t value) {
  // Enabling the transmitter's interrupt while it is empty raises it, each time. Linux tests for
  // UARTs that do not, and polls them.
  if ((value & ~interrupt_enable_ & kEnableTransmitter) != 0) {
    transmitter_interrupt_ = true;
  }
  interrupt_enable_ = value & kEnableAll;
}

void Serial16550::WriteFifoControl(uint8_t value) {
  // 8.4: changing bit 0 clears the FIFOs, and the other bits count only when it is one.
  const bool toggled = ((value ^ fifo_control_) & kFifoEnable) != 0;
  const bool enabled = (value & kFifoEnable) != 0;
  if (toggled || (enabled && (value & kFifoClearReceiver) != 0)) {
    fifo_.Clear();
  }
  fifo_control_ = enabled ? value & kFifoKept : uint8_t{0};
}

void Serial16550::WriteModemControl(uint8_t value) {
  const uint8_t before = ModemLines();
  modem_control_ = value & kModemControlBits;
  const uint8_t changed = before ^ ModemLines();
  // Ring counts only its trailing edge.
  modem_deltas_ |= static_cast<uint8_t>((changed & ~kRing) >> 4);
  if ((changed & before & kRing) != 0) {
    modem_deltas_ |= kRingDelta;
  }
}

bool Serial16550::Push(uint8_t byte) {
  if (fifo_.size() < Capacity()) {
    fifo_.Push(byte);
    return true;
  }
  // 8.3, overrun: without FIFOs the new character destroys the old one; with them it is lost.
  if (Capacity() == 1) {
    fifo_.Overwrite(byte);
  }
  return false;
}

size_t Serial16550::Capacity() const { return (fifo_control_ & kFifoEnable) != 0 ? kFifoSize : 1; }

uint8_t Serial16550::InterruptId() const {
  if ((interrupt_enable_ & kEnableLineStatus) != 0 && overrun_) {
    return kIdLineStatus;
  }
  if ((interrupt_enable_ & kEnableReceived) != 0 && fifo_.size() > 0) {
    const size_t trigger = Capacity() == 1 ? 1 : kTriggerLevels[fifo_control_ >> 6];
    return fifo_.size() >= trigger ? kIdReceived : kIdTimeout;
  }
  if ((interrupt_enable_ & kEnableTransmitter) != 0 && transmitter_interrupt_) {
    return kIdTransmitter;
  }
  if ((interrupt_enable_ & kEnableModemStatus) != 0 && modem_deltas_ != 0) {
    return kIdModemStatus;
  }
  return kIdNone;
}

uint8_t Serial16550::ModemLines() const {
  if ((modem_control_ & kLoopback) == 0) {
    return kCarrier | kDsr | kCts;
  }
  // 8.7: in loopback the four outputs are connected to the four inputs.
  return static_cast<uint8_t>(
      ((modem_control_ & kRts) != 0 ? kCts : 0) | ((modem_control_ & kDtr) != 0 ? kDsr : 0) |
      ((modem_control_ & kOut1) != 0 ? kRing : 0) | ((modem_control_ & kOut2) != 0 ? kCarrier : 0));
}

void Serial16550::Settle(UartEffects& effects) {
  const bool line = InterruptId() != kIdNone;
  effects.interrupt = line && !line_;
  line_ = line;
  // Not before the receiver is empty: that is one wake-up for a FIFO full, not one for each byte.
  if (input_waits_ && fifo_.size() == 0 && (modem_control_ & kLoopback) == 0) {
    input_waits_ = false;
    effects.input_room = true;
  }
}

void Serial16550::Save(StateWriter& writer) const {
  const std::lock_guard lock(mutex_);
  SaveVersion(writer);
  fifo_.Save(writer);
  writer.U8(interrupt_enable_);
  writer.U8(fifo_control_);
  writer.U8(line_control_);
  writer.U8(modem_control_);
  writer.U8(modem_deltas_);
  writer.U8(scratch_);
  writer.U16(divisor_);
  writer.Bool(overrun_);
  writer.Bool(transmitter_interrupt_);
}

void Serial16550::Load(StateReader& reader) {
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    LoadVersion(reader);
    fifo_.Load(reader);
    interrupt_enable_ = reader.U8() & kEnableAll;
    fifo_control_ = reader.U8();
    line_control_ = reader.U8();
    modem_control_ = reader.U8() & kModemControlBits;
    modem_deltas_ = reader.U8() & 0x0f;
    scratch_ = reader.U8();
    divisor_ = reader.U16();
    overrun_ = reader.Bool();
    transmitter_interrupt_ = reader.Bool();
    fifo_control_ = (fifo_control_ & kFifoEnable) != 0 ? fifo_control_ & kFifoKept : uint8_t{0};
    fifo_.RequireAtMost(Capacity(), reader);
    // The edge may have been on its way when the state was saved; twice does no harm.
    line_ = false;
    Settle(effects);
  }
  effects.Execute(interrupt_, sink_, 0);
}

}  // namespace vmtest
