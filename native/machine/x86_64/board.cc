// A PC without a PCI bus: ACPI tells of it.
#include "machine/board.h"

#include <fmt/format.h>

#include "arch/x86_64/cpuid.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/msrs.h"
#include "arch/x86_64/platform.h"
#include "boot/x86_layout.h"
#include "machine/x86_64/boot.h"
#include "machine/x86_64/port_devices.h"

namespace vmtest {
namespace {

class X86Board final : public Board {
 public:
  X86Board(const Kvm& kvm, Vm& vm, const GuestMemory& memory, const Config& config,
           std::unique_ptr<PortDevices> devices)
      : vm_(vm),
        memory_(memory),
        cpus_(config.cpus),
        nested_(config.nested),
        tsc_deadline_(kvm.Extension(KVM_CAP_TSC_DEADLINE_TIMER) > 0),
        devices_(std::move(devices)) {}

  ConsolePump& console() override { return devices_->console(); }

  Result<VirtioSlot> PlaceVirtio(size_t index) const override {
    if (index >= x86::kVirtioGsis.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("there are interrupt lines for {} virtio devices, not for more",
                              x86::kVirtioGsis.size()));
    }
    return VirtioSlot{.address = x86::kVirtioMmioBase + index * x86::kVirtioMmioSize,
                      .size = x86::kVirtioMmioSize,
                      .gsi = x86::kVirtioGsis[index]};
  }

  Result<> ReadHostCpuid(const Kvm& kvm) {
    host_cpuid_ = VM_TRY(x86::SupportedCpuid(kvm));
    return {};
  }

  Result<std::vector<Vcpu>> Boot(const GuestConfig& config,
                                 std::span<const VirtioSlot> virtio) override {
    const BootPlan plan = VM_TRY(PrepareBoot(config, virtio, memory_));
    std::vector<Vcpu> vcpus;
    for (uint32_t id = 0; id < cpus_; ++id) {
      Vcpu vcpu = VM_TRY(About("cpus", vm_.CreateVcpu(id)));
      VM_TRY(x86::SetCpuid(vcpu, x86::GuestCpuid(host_cpuid_, {.vcpu = id,
                                                               .cpus = cpus_,
                                                               .nested = nested_,
                                                               .tsc_deadline = tsc_deadline_})));
      VM_TRY(x86::SetBootMsrs(vcpu));
      VM_TRY(x86::SetLocalApicPins(vcpu));
      if (id == 0) {
        VM_TRY(SetEntryState(vcpu, plan, memory_));
      }
      vcpus.push_back(std::move(vcpu));
    }
    return vcpus;
  }

 private:
  Vm& vm_;
  const GuestMemory& memory_;
  const uint32_t cpus_;
  const bool nested_;
  const bool tsc_deadline_;
  std::vector<kvm_cpuid_entry2> host_cpuid_;
  std::unique_ptr<PortDevices> devices_;
};

}  // namespace

// RAM from 0 up to the hole, the rest from 4 GiB on.
std::vector<GuestMemory::Range> MemoryRanges(uint64_t bytes) {
  if (bytes <= x86::kMmioHole) {
    return {{.start = 0, .size = bytes}};
  }
  return {{.start = 0, .size = x86::kMmioHole},
          {.start = x86::kMmioHoleEnd, .size = bytes - x86::kMmioHole}};
}

Result<Vm> CreateVm(const Kvm& kvm, std::span<const GuestMemory::Range>) { return Vm::Create(kvm); }

Result<std::unique_ptr<Board>> CreateBoard(EventLoop& loop, const Kvm& kvm, Vm& vm,
                                           const GuestMemory& memory, Bus& ports, Bus&,
                                           Board::Config config) {
  // KVM shows the performance counters by itself, where the host lets it.
  if (config.sve) {
    return About("sve", Result<std::unique_ptr<Board>>(Fail(
                            ErrorCode::kUnsupported, "CPUs of x86_64 have no scalable vectors")));
  }
  VM_TRY(x86::ReservePages(vm, x86::kTssAddress, x86::kIdentityMapAddress));
  VM_TRY(x86::CreateIrqChip(vm));
  VM_TRY(x86::CreatePit(vm));
  auto devices = VM_TRY(PortDevices::Create(loop,
                                            {.console = std::move(config.console),
                                             .rtc_base = config.rtc_base,
                                             .memory_bytes = memory.size(),
                                             .on_end = config.on_end,
                                             .on_panic = config.on_panic},
                                            ports, vm));
  auto board = std::make_unique<X86Board>(kvm, vm, memory, config, std::move(devices));
  VM_TRY(board->ReadHostCpuid(kvm));
  return board;
}

}  // namespace vmtest
