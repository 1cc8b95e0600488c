// Device: something at addresses whose state can be taken out and put back.
//
// Threads: vCPUs call Read and Write, several at once; each device has a mutex of its own for one
// access. Callbacks run without it, on the thread that made the access. A device has no activity of
// its own: it stands still when the vCPUs do, so it needs no Pause.
#pragma once

#include <functional>

#include "base/state.h"
#include "bus/bus.h"

namespace vmtest {

class Device : public BusDevice {
 public:
  // The device's state while no vCPU runs. Load comes after construction and before the first
  // access; bad input makes `reader` fail and leaves a device that is good to be destroyed.
  virtual void Save(StateWriter& writer) const = 0;
  virtual void Load(StateReader& reader) = 0;

 protected:
  // The first byte of every device's state. LoadVersion fails `reader` on any other.
  static void SaveVersion(StateWriter& writer) { writer.U8(1); }
  static void LoadVersion(StateReader& reader);

  // A callback may be empty: then nobody cares.
  static void Call(const std::function<void()>& callback);
};

}  // namespace vmtest
