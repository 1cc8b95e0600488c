// An Arm board without a PCI bus: a device tree tells of it, and PSCI, which KVM answers, starts
// its CPUs and switches it off.
#include "machine/board.h"

#include <fmt/format.h>

#include <optional>

#include "arch/aarch64/address_space.h"
#include "arch/aarch64/gic.h"
#include "arch/aarch64/layout.h"
#include "arch/aarch64/vcpu_init.h"
#include "boot/arm64_layout.h"
#include "machine/aarch64/boot.h"
#include "machine/aarch64/mmio_devices.h"

namespace vmtest {
namespace {

class Arm64Board final : public Board {
 public:
  Arm64Board(Vm& vm, const GuestMemory& memory) : vm_(vm), memory_(memory) {}

  Result<> Build(EventLoop& loop, Bus& mmio, Config config) {
    if (config.nested) {
      return About("nested", Result<>(Fail(ErrorCode::kUnsupported,
                                           "guests of this engine have no virtualization of "
                                           "their own on aarch64")));
    }
    const auto version = VM_TRY(arm64::Gic::Choose(vm_));
    features_ = {.pmu = config.pmu, .sve = config.sve};
    VM_TRY(About("cpus", CreateVcpus(config.cpus, version)));
    gic_ = VM_TRY(arm64::Gic::Create(vm_, version));
    for (const Vcpu& vcpu : vcpus_) {
      if (features_.pmu) {
        VM_TRY(About("pmu", arm64::StartPmu(vcpu)));
      }
    }
    devices_ = VM_TRY(MmioDevices::Create(loop, config, mmio, vm_));
    return {};
  }

  ConsolePump& console() override { return devices_->console(); }

  Result<VirtioSlot> PlaceVirtio(size_t index) const override {
    if (index >= arm64::kVirtioSpis) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("there are interrupt lines for {} virtio devices, not for more",
                              arm64::kVirtioSpis));
    }
    return VirtioSlot{.address = arm64::kVirtioMmioBase + index * arm64::kDevicePage,
                      .size = arm64::kDevicePage,
                      .gsi = arm64::kFirstVirtioSpi + static_cast<uint32_t>(index)};
  }

  Result<std::vector<Vcpu>> Boot(const GuestConfig& config,
                                 std::span<const VirtioSlot> virtio) override {
    Arm64Hardware hardware{
        .cpus = {}, .pmu = features_.pmu, .gic = gic_->version(), .its = gic_->has_its()};
    for (const Vcpu& vcpu : vcpus_) {
      hardware.cpus.push_back(VM_TRY(arm64::Affinity(vcpu)));
    }
    const LoadedKernel kernel = VM_TRY(PrepareBoot(config, hardware, virtio, memory_));
    VM_TRY(About("kernel", CheckPageSize(kernel.page_size)));
    VM_TRY(arm64::SetEntryState(vcpus_[0], kernel.entry, arm64::DeviceTreeAddress(memory_)));
    return std::move(vcpus_);
  }

 private:
  Result<> CreateVcpus(uint32_t count, arm64::Gic::Version version) {
    const uint32_t most = arm64::Gic::MaxCpus(version);
    if (count > most) {
      return Fail(
          ErrorCode::kUnsupported,
          fmt::format("this host's interrupt controller serves {} CPUs, not {}", most, count));
    }
    for (uint32_t id = 0; id < count; ++id) {
      Vcpu vcpu = VM_TRY(vm_.CreateVcpu(id));
      VM_TRY(arm64::InitVcpu(vm_, vcpu, features_));
      vcpus_.push_back(std::move(vcpu));
    }
    return {};
  }

  Result<> CheckPageSize(uint32_t bytes) const {
    if (bytes == 0 || VM_TRY(arm64::HasPageSize(vcpus_[0], bytes))) {
      return {};
    }
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("the kernel is built for pages of {} KiB, which this host's CPU has not",
                    bytes / kKiB));
  }

  Vm& vm_;
  const GuestMemory& memory_;
  arm64::VcpuFeatures features_;
  std::vector<Vcpu> vcpus_;  // until Boot
  std::optional<arm64::Gic> gic_;
  std::unique_ptr<MmioDevices> devices_;
};

}  // namespace

std::vector<GuestMemory::Range> MemoryRanges(uint64_t bytes) {
  return {{.start = arm64::kRam, .size = bytes}};
}

Result<Vm> CreateVm(const Kvm& kvm, std::span<const GuestMemory::Range> ranges) {
  const uint64_t end = ranges.back().start + ranges.back().size;
  const auto type = VM_TRY(arm64::VmType(kvm, end));
  Vm vm = VM_TRY(Vm::Create(kvm, type));
  // Otherwise such an access would be an error of KVM_RUN that says nothing.
  if (vm.Extension(KVM_CAP_ARM_NISV_TO_USER) > 0) {
    VM_TRY(vm.Enable(KVM_CAP_ARM_NISV_TO_USER, "be told of accesses that KVM cannot decode"));
  }
  return vm;
}

Result<std::unique_ptr<Board>> CreateBoard(EventLoop& loop, const Kvm&, Vm& vm,
                                           const GuestMemory& memory, Bus&, Bus& mmio,
                                           Board::Config config) {
  auto board = std::make_unique<Arm64Board>(vm, memory);
  VM_TRY(board->Build(loop, mmio, std::move(config)));
  return board;
}

}  // namespace vmtest
