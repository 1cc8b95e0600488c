#include "devices/i8042.h"

namespace vmtest {
namespace {

// Status register.
constexpr uint8_t kOutputFull = 1U << 0;
constexpr uint8_t kSystemFlag = 1U << 2;
constexpr uint8_t kLastWasCommand = 1U << 3;
constexpr uint8_t kNotLocked = 1U << 4;

// Commands to port 0x64.
constexpr uint8_t kReadConfig = 0x20;
constexpr uint8_t kWriteConfig = 0x60;
constexpr uint8_t kDisableAux = 0xa7;
constexpr uint8_t kEnableAux = 0xa8;
constexpr uint8_t kSelfTest = 0xaa;
constexpr uint8_t kTestKeyboard = 0xab;
constexpr uint8_t kDisableKeyboard = 0xad;
constexpr uint8_t kEnableKeyboard = 0xae;
constexpr uint8_t kReadOutputPort = 0xd0;
constexpr uint8_t kWriteOutputPort = 0xd1;
constexpr uint8_t kWriteKeyboardBuffer = 0xd2;
constexpr uint8_t kPulseFirst = 0xf0;  // 0xf0 to 0xff: pulse low the lines whose bit is 0

constexpr uint8_t kSelfTestPassed = 0x55;
constexpr uint8_t kPortTestPassed = 0x00;

// Configuration byte.
constexpr uint8_t kKeyboardDisabled = 1U << 4;
constexpr uint8_t kAuxDisabled = 1U << 5;

// Output port: the reset line, active low.
constexpr uint8_t kNoReset = 1U << 0;

// System control port B: the output of timer 2. Linux's TSC calibration waits for it, and would do
// so for ever where nobody answers.
constexpr uint8_t kTimer2Output = 1U << 5;

bool TakesData(uint8_t command) {
  return command == kWriteConfig || command == kWriteOutputPort || command == kWriteKeyboardBuffer;
}

uint8_t WithBit(uint8_t value, uint8_t bit, bool on) {
  return static_cast<uint8_t>(on ? value | bit : value & ~bit);
}

}  // namespace

uint8_t I8042::ReadPort(uint64_t offset) {
  const std::lock_guard lock(mutex_);
  switch (offset) {
    case kData:
      last_output_ = output_.value_or(last_output_);
      output_.reset();
      return last_output_;
    case kSystemControlB:
      return kTimer2Output;
    case kCommand:
      return static_cast<uint8_t>(kSystemFlag | kNotLocked | (output_ ? kOutputFull : 0) |
                                  (last_was_command_ ? kLastWasCommand : 0));
    default:
      return 0xff;
  }
}

void I8042::WritePort(uint64_t offset, uint8_t value) {
  bool reset = false;
  {
    const std::lock_guard lock(mutex_);
    if (offset == kCommand) {
      last_was_command_ = true;
      reset = Command(value);
    } else if (offset == kData) {
      last_was_command_ = false;
      reset = Data(value);
    }
  }
  if (reset) {
    Call(on_reset_);
  }
}

bool I8042::Command(uint8_t command) {
  waiting_ = TakesData(command) ? command : uint8_t{0};
  if (command >= kPulseFirst) {
    return (command & kNoReset) == 0;
  }
  switch (command) {
    case kReadConfig:
      output_ = config_;
      break;
    case kSelfTest:
      output_ = kSelfTestPassed;
      break;
    case kTestKeyboard:
      output_ = kPortTestPassed;
      break;
    case kReadOutputPort:
      output_ = output_port_;
      break;
    case kDisableKeyboard:
    case kEnableKeyboard:
      config_ = WithBit(config_, kKeyboardDisabled, command == kDisableKeyboard);
      break;
    case kDisableAux:
    case kEnableAux:
      config_ = WithBit(config_, kAuxDisabled, command == kDisableAux);
      break;
    default:
      break;  // the mouse's commands too: no answer means no mouse
  }
  return false;
}

bool I8042::Data(uint8_t value) {
  switch (std::exchange(waiting_, uint8_t{0})) {
    case kWriteConfig:
      config_ = value;
      return false;
    case kWriteOutputPort:
      output_port_ = value | kNoReset;
      return (value & kNoReset) == 0;
    case kWriteKeyboardBuffer:
      output_ = value;
      return false;
    default:
      return false;  // to the keyboard, which is not there
  }
}

void I8042::Save(StateWriter& writer) const {
  const std::lock_guard lock(mutex_);
  SaveVersion(writer);
  writer.Bool(output_.has_value());
  writer.U8(output_.value_or(0));
  writer.U8(last_output_);
  writer.U8(waiting_);
  writer.Bool(last_was_command_);
  writer.U8(config_);
  writer.U8(output_port_);
}

void I8042::Load(StateReader& reader) {
  const std::lock_guard lock(mutex_);
  LoadVersion(reader);
  const bool full = reader.Bool();
  const uint8_t output = reader.U8();
  const uint8_t last_output = reader.U8();
  const uint8_t waiting = reader.U8();
  const bool last_was_command = reader.Bool();
  const uint8_t config = reader.U8();
  const uint8_t output_port = reader.U8();
  if (waiting != 0 && !TakesData(waiting)) {
    reader.MarkBad();
  }
  // What is not a state of this device changes nothing of it.
  if (reader.ok()) {
    output_ = full ? std::optional(output) : std::nullopt;
    last_output_ = last_output;
    waiting_ = waiting;
    last_was_command_ = last_was_command;
    config_ = config;
    output_port_ = output_port;
  }
}

}  // namespace vmtest
