// PortDevice: a device of byte-wide registers behind I/O ports.
//
// A wider access is what it is on the ISA/LPC bus: one byte after the other, rising. That defines
// every width at every offset, so a device only ever handles one register at a time.
//
// Threads: vCPUs call Read and Write, several at once; each device has a mutex of its own for one
// byte's access. Callbacks run without it, on the thread that made the access. A device has no
// activity of its own: it stands still when the vCPUs do, so it needs no Pause.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/state.h"
#include "bus/bus.h"

namespace vmtest {

class PortDevice : public BusDevice {
 public:
  void Read(uint64_t offset, std::span<uint8_t> data) final;
  void Write(uint64_t offset, std::span<const uint8_t> data) final;

  // The device's state while no vCPU runs. Load comes after construction and before the first
  // access; bad input makes `reader` fail and leaves a device that is good to be destroyed.
  virtual void Save(StateWriter& writer) const = 0;
  virtual void Load(StateReader& reader) = 0;

 protected:
  // One register; `offset` is relative to the start of the range. Any offset can come.
  virtual uint8_t ReadPort(uint64_t offset) = 0;
  virtual void WritePort(uint64_t offset, uint8_t value) = 0;

  // The first byte of every device's state. LoadVersion fails `reader` on any other.
  static void SaveVersion(StateWriter& writer) { writer.U8(1); }
  static void LoadVersion(StateReader& reader);

  // A callback may be empty: then nobody cares.
  static void Call(const std::function<void()>& callback);
};

}  // namespace vmtest
