// VirtioDevice: what a device is, apart from how the guest reaches it.
//
// A device knows queues, features and its configuration space; it never hears of MMIO, PCI or
// vhost-user. The transport (virtio/mmio_transport.h) owns the device's registers and its queues'
// addresses, negotiates, and activates the device when the driver says DRIVER_OK.
//
// Threads: a device lives on one EventLoop. Every method below is called on that loop's thread, so
// a device needs no locks. Constructors and state before the machine starts are set-up.
//
//        features, config        Activate(queues)         OnQueueNotify(i) ...
//   reset ───────────────> negotiated ──────────> active ───────────────┐
//     ^                                              │ Reset            │ Fail(): NEEDS_RESET
//     └──────────────────────────────────────────────┴──────────────────┘
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/state.h"
#include "memory/guest_memory.h"
#include "virtio/queue.h"

namespace vmtest {

// virtio 1.2, section 5.
enum class VirtioType : uint32_t {
  kNet = 1,
  kBlock = 2,
  kConsole = 3,
  kEntropy = 4,
  kFileSystem = 26,
  kSocket = 19,
};

// Feature bits that every device may offer; virtio 1.2, section 6.
inline constexpr uint64_t kFeatureIndirectDescriptors = uint64_t{1} << 28;
inline constexpr uint64_t kFeatureEventIndex = uint64_t{1} << 29;
inline constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;

// How a device reaches the driver; implemented by the transport. Any thread.
class VirtioInterrupt {
 public:
  virtual ~VirtioInterrupt() = default;
  // Used buffers are waiting in queue `index`.
  virtual void SignalQueue(uint16_t index) = 0;
  // The configuration space changed.
  virtual void SignalConfig() = 0;
  // Asks for OnQueueNotify(index) once more, in a later round of the loop: for a device that has
  // served its share and lets others have their turn. A driver can fill a queue faster than a
  // device can empty it, so a device that works until there is nothing left may never come back.
  virtual void NotifyAgain(uint16_t index) = 0;
  // The driver broke the rules and the device cannot go on: sets DEVICE_NEEDS_RESET (virtio 1.2,
  // section 2.1.2). The device is not notified again until it is reset. `why` goes to the log.
  virtual void Fail(std::string_view why) = 0;
};

// What the driver settled on.
struct VirtioActivation {
  const GuestMemory* memory;
  uint64_t features;           // offered by the device and accepted by the driver
  std::span<Queue> queues;     // one for each of queue_sizes(); those not ready are not enabled()
  VirtioInterrupt* interrupt;  // both stay valid until Reset
};

class VirtioDevice {
 public:
  virtual ~VirtioDevice() = default;

  virtual VirtioType type() const = 0;
  // The device's own features. The transport adds VERSION_1, EVENT_IDX and INDIRECT_DESC.
  virtual uint64_t features() const = 0;
  // The largest size of each queue; a power of two, at most 32768. Constant.
  virtual std::span<const uint16_t> queue_sizes() const = 0;

  // Configuration space, any offset and width. Bytes past its end read as zero; writes to what is
  // not writable are ignored.
  virtual void ReadConfig(uint64_t offset, std::span<uint8_t> data) = 0;
  virtual void WriteConfig(uint64_t offset, std::span<const uint8_t> data) = 0;

  // The driver is ready. An Error means that the host failed; the transport reports NEEDS_RESET.
  virtual Result<> Activate(const VirtioActivation& activation) = 0;
  // The driver put buffers into queue `index`. May come without need; never comes when inactive.
  virtual void OnQueueNotify(uint16_t index) = 0;
  // Back to the state after construction; everything in flight is dropped, and none of it touches
  // guest memory afterwards. May come at any time.
  virtual void Reset() = 0;

  // Stops taking work from queues and host descriptors, and finishes what is in flight, so that
  // guest memory and Save are consistent. Resume undoes it and looks at every queue again: nothing
  // that arrived in between is lost.
  virtual void Pause() = 0;
  virtual void Resume() = 0;

  // The device's own state while paused, without the queues (the transport saves those). Load comes
  // after construction and before Activate; bad input makes `reader` fail, never the process.
  virtual void Save(StateWriter& writer) const = 0;
  virtual void Load(StateReader& reader) = 0;
};

}  // namespace vmtest
