#include "devices/pl011.h"

#include <array>

namespace vmtest {
namespace {

// 3.2, summary of registers.
enum Register : uint64_t {
  kData = 0x00,
  kReceiveStatus = 0x04,  // write: error clear
  kFlag = 0x18,
  kLowPower = 0x20,
  kIntegerDivisor = 0x24,
  kFractionalDivisor = 0x28,
  kLineControl = 0x2c,
  kControl = 0x30,
  kFifoLevels = 0x34,
  kMask = 0x38,
  kRawInterrupt = 0x3c,
  kMaskedInterrupt = 0x40,
  kInterruptClear = 0x44,
  kDmaControl = 0x48,
};

// 3.3.3, flag register. The modem lines are as if a ready modem were connected.
constexpr uint32_t kModemReady = 0x07;  // CTS, DSR, DCD
constexpr uint32_t kReceiverEmpty = 1U << 4;
constexpr uint32_t kReceiverFull = 1U << 6;
constexpr uint32_t kTransmitterEmpty = 1U << 7;

// 3.3.1 and 3.3.2: an overrun in what is read with the data, and in the status register.
constexpr uint32_t kDataOverrun = 1U << 11;
constexpr uint32_t kStatusOverrun = 1U << 3;

// The bits that each register has (3.3.4 to 3.3.9, 3.3.14).
constexpr uint32_t kLowPowerBits = 0xff;
constexpr uint32_t kIntegerDivisorBits = 0xffff;
constexpr uint32_t kFractionalDivisorBits = 0x3f;
constexpr uint32_t kLineControlBits = 0xff;
constexpr uint32_t kControlBits = 0xffff;
constexpr uint32_t kFifoLevelBits = 0x3f;
constexpr uint32_t kDmaControlBits = 0x7;

constexpr uint32_t kFifoEnable = 1U << 4;  // 3.3.7, line control

// 3.3.8, control.
constexpr uint32_t kUartEnable = 1U << 0;
constexpr uint32_t kLoopback = 1U << 7;
constexpr uint32_t kReceiveEnable = 1U << 9;

// 3.3.10 to 3.3.13, interrupts.
constexpr uint32_t kReceiveInterrupt = 1U << 4;
constexpr uint32_t kTransmitInterrupt = 1U << 5;
constexpr uint32_t kTimeoutInterrupt = 1U << 6;
constexpr uint32_t kOverrunInterrupt = 1U << 10;
constexpr uint32_t kAllInterrupts = 0x7ff;

// 3.3.9: how full the receive FIFO is when it interrupts: 1/8, 1/4, 1/2, 3/4, 7/8; the rest is
// reserved.
constexpr unsigned kReceiveLevelShift = 3;
constexpr std::array<size_t, 8> kReceiveLevels = {2, 4, 8, 12, 14, 14, 14, 14};

// Part 0x011, designer 0x41 (Arm), revision 1: a FIFO of 16 bytes (3.3.15).
constexpr uint32_t kPeripheralId = 0x0014'1011;

}  // namespace

uint32_t Pl011::PeripheralId() const { return kPeripheralId; }

size_t Pl011::Receive(std::span<const uint8_t> bytes) {
  size_t taken = 0;
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    while (Listening() && taken < bytes.size() && fifo_.size() < Capacity()) {
      Push(bytes[taken++]);
    }
    input_waits_ = taken < bytes.size();
    Settle(effects);
    // Also when the line was high before, as with the 16550: an edge too many costs the guest one
    // look, one too few the console.
    effects.interrupt |= taken > 0 && line_;
    effects.input_room = false;  // the caller knows
  }
  effects.Execute(interrupt_, sink_, 0);
  return taken;
}

uint32_t Pl011::ReadRegister(uint64_t offset) {
  uint32_t value = 0;
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    value = Get(offset);
    Settle(effects);
  }
  effects.Execute(interrupt_, sink_, 0);
  return value;
}

void Pl011::WriteRegister(uint64_t offset, uint32_t value) {
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    Set(offset, value, effects);
    Settle(effects);
  }
  effects.Execute(interrupt_, sink_, static_cast<uint8_t>(value));
}

uint32_t Pl011::Get(uint64_t offset) {
  switch (offset) {
    case kData:
      return Pop();
    case kReceiveStatus:
      return overrun_ ? kStatusOverrun : 0;
    case kFlag:
      return Flags();
    case kLowPower:
      return low_power_;
    case kIntegerDivisor:
      return integer_divisor_;
    case kFractionalDivisor:
      return fractional_divisor_;
    case kLineControl:
      return line_control_;
    case kControl:
      return control_;
    case kFifoLevels:
      return fifo_levels_;
    case kMask:
      return mask_;
    case kRawInterrupt:
      return RawInterrupts();
    case kMaskedInterrupt:
      return RawInterrupts() & mask_;
    case kDmaControl:
      return dma_control_;
    default:
      return 0;
  }
}

void Pl011::Set(uint64_t offset, uint32_t value, UartEffects& effects) {
  switch (offset) {
    case kData:
      Transmit(static_cast<uint8_t>(value), effects);
      return;
    case kReceiveStatus:
      overrun_ = false;
      return;
    case kLowPower:
      low_power_ = value & kLowPowerBits;
      return;
    case kIntegerDivisor:
      integer_divisor_ = value & kIntegerDivisorBits;
      return;
    case kFractionalDivisor:
      fractional_divisor_ = value & kFractionalDivisorBits;
      return;
    case kLineControl:
      // 3.3.7: without FIFOs there is one holding register; what changes empties them.
      if (((value ^ line_control_) & kFifoEnable) != 0) {
        fifo_.Clear();
      }
      line_control_ = value & kLineControlBits;
      return;
    case kControl:
      control_ = value & kControlBits;
      return;
    case kFifoLevels:
      fifo_levels_ = value & kFifoLevelBits;
      return;
    case kMask:
      mask_ = value & kAllInterrupts;
      return;
    case kInterruptClear:
      if ((value & kTransmitInterrupt) != 0) {
        transmitted_ = false;
      }
      if ((value & kOverrunInterrupt) != 0) {
        overrun_ = false;
      }
      return;
    case kDmaControl:
      dma_control_ = value & kDmaControlBits;
      return;
    default:
      return;
  }
}

void Pl011::Transmit(uint8_t byte, UartEffects& effects) {
  // The FIFO fills, which takes the interrupt back, and at once drains: an edge for each byte.
  transmitted_ = false;
  line_ = (RawInterrupts() & mask_) != 0;
  transmitted_ = true;
  if ((control_ & kLoopback) != 0) {
    overrun_ |= !Push(byte);
  } else {
    effects.transmit = true;
  }
}

bool Pl011::Push(uint8_t byte) {
  if (fifo_.size() == Capacity()) {
    return false;
  }
  fifo_.Push(byte);
  return true;
}

uint32_t Pl011::Pop() {
  const bool any = fifo_.size() > 0;
  return fifo_.Pop() | (any && overrun_ ? kDataOverrun : 0);
}

size_t Pl011::Capacity() const { return (line_control_ & kFifoEnable) != 0 ? kFifoSize : 1; }

bool Pl011::Listening() const {
  constexpr uint32_t kOn = kUartEnable | kReceiveEnable;
  return (control_ & (kOn | kLoopback)) == kOn;
}

uint32_t Pl011::Flags() const {
  return kModemReady | kTransmitterEmpty | (fifo_.size() == 0 ? kReceiverEmpty : 0) |
         (fifo_.size() == Capacity() ? kReceiverFull : 0);
}

uint32_t Pl011::RawInterrupts() const {
  const size_t level = Capacity() == 1 ? 1 : kReceiveLevels[fifo_levels_ >> kReceiveLevelShift];
  return (fifo_.size() >= level ? kReceiveInterrupt : 0) |
         (fifo_.size() > 0 ? kTimeoutInterrupt : 0) | (transmitted_ ? kTransmitInterrupt : 0) |
         (overrun_ ? kOverrunInterrupt : 0);
}

void Pl011::Settle(UartEffects& effects) {
  const bool line = (RawInterrupts() & mask_) != 0;
  effects.interrupt = line && !line_;
  line_ = line;
  // Not before the receiver is empty: that is one wake-up for a FIFO full, not one for each byte.
  if (input_waits_ && fifo_.size() == 0 && Listening()) {
    input_waits_ = false;
    effects.input_room = true;
  }
}

void Pl011::Save(StateWriter& writer) const {
  const std::lock_guard lock(mutex_);
  SaveVersion(writer);
  fifo_.Save(writer);
  for (const uint32_t value : {integer_divisor_, fractional_divisor_, line_control_, control_,
                               fifo_levels_, mask_, dma_control_, low_power_}) {
    writer.U32(value);
  }
  writer.Bool(overrun_);
  writer.Bool(transmitted_);
}

void Pl011::Load(StateReader& reader) {
  UartEffects effects;
  {
    const std::lock_guard lock(mutex_);
    LoadVersion(reader);
    fifo_.Load(reader);
    integer_divisor_ = reader.U32() & kIntegerDivisorBits;
    fractional_divisor_ = reader.U32() & kFractionalDivisorBits;
    line_control_ = reader.U32() & kLineControlBits;
    control_ = reader.U32() & kControlBits;
    fifo_levels_ = reader.U32() & kFifoLevelBits;
    mask_ = reader.U32() & kAllInterrupts;
    dma_control_ = reader.U32() & kDmaControlBits;
    low_power_ = reader.U32() & kLowPowerBits;
    overrun_ = reader.Bool();
    transmitted_ = reader.Bool();
    fifo_.RequireAtMost(Capacity(), reader);
    // The edge may have been on its way when the state was saved; twice does no harm.
    line_ = false;
    Settle(effects);
  }
  effects.Execute(interrupt_, sink_, 0);
}

}  // namespace vmtest
