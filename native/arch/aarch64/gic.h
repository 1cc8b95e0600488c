// Gic: the interrupt controller of a guest, in the kernel (Linux Documentation/virt/kvm/devices,
// arm-vgic-v3, arm-vgic-its and arm-vgic).
//
// GICv3 with an ITS where the host can, GICv2 where that is all it has. Every vCPU must exist
// before it: KVM lays out the redistributors for those that it finds.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "kvm/vm.h"

namespace vmtest::arm64 {

class Gic {
 public:
  enum class Version { kV2, kV3 };

  // What the host's KVM offers: decides how many CPUs there can be. kUnsupported when it is none.
  static Result<Version> Choose(const Vm& vm);
  // How many CPUs one of this version serves.
  static uint32_t MaxCpus(Version version);

  // From here on interrupt lines can be attached.
  static Result<Gic> Create(const Vm& vm, Version version);

  Version version() const { return version_; }
  // Translates message-signalled interrupts; hosts of GICv3 mostly have one.
  bool has_its() const { return its_.valid(); }

 private:
  Gic(Version version, UniqueFd controller, UniqueFd its)
      : version_(version), controller_(std::move(controller)), its_(std::move(its)) {}

  Version version_;
  UniqueFd controller_;
  UniqueFd its_;
};

}  // namespace vmtest::arm64
