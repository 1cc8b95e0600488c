// Board: what of a guest is its architecture's own: where memory lies, the interrupt controller,
// the devices besides virtio, how a kernel is loaded, and in which state its CPUs begin. One of the
// folders below implements it.
//
//   CreateBoard ──> interrupt lines can be attached
//   PlaceVirtio ──> where each virtio device goes
//   Boot        ──> kernel, initrd and tables lie in memory, the vCPUs stand at their entry
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "bus/bus.h"
#include "control/guest_config.h"
#include "control/guest_end.h"
#include "devices/console_pump.h"
#include "event/event_loop.h"
#include "kvm/vm.h"
#include "machine/virtio_slot.h"
#include "memory/guest_memory.h"

namespace vmtest {

class Board {
 public:
  struct Config {
    uint32_t cpus;
    bool nested;
    bool pmu;
    bool sve;
    UniqueFd console;
    int64_t rtc_base;                      // Unix seconds
    std::function<void(GuestEnd)> on_end;  // on a vCPU thread
    std::function<void()> on_panic;        // on a vCPU thread
  };

  virtual ~Board() = default;

  // The console's way out.
  virtual ConsolePump& console() = 0;

  // kInvalidArgument when there is no place for so many devices.
  virtual Result<VirtioSlot> PlaceVirtio(size_t index) const = 0;

  // Loads `config.kernel` and `config.initrd`, writes what tells the kernel of its machine, and
  // hands out the vCPUs, ready to run. Once. Errors name their subject ("kernel", "initrd",
  // "cmdline", "cpus").
  virtual Result<std::vector<Vcpu>> Boot(const GuestConfig& config,
                                         std::span<const VirtioSlot> virtio) = 0;
};

// Where a guest with so many bytes of memory has them.
std::vector<GuestMemory::Range> MemoryRanges(uint64_t bytes);

// A VM whose address space holds these ranges. kUnsupported, about "memory", when the host's CPU
// cannot address so much.
Result<Vm> CreateVm(const Kvm& kvm, std::span<const GuestMemory::Range> ranges);

// Adds the board's devices to the buses. Everything that is given must outlive the board. Errors
// about what the host or this architecture cannot do name their subject.
Result<std::unique_ptr<Board>> CreateBoard(EventLoop& loop, const Kvm& kvm, Vm& vm,
                                           const GuestMemory& memory, Bus& ports, Bus& mmio,
                                           Board::Config config);

}  // namespace vmtest
