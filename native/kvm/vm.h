// Vm: one KVM virtual machine: its memory slots, interrupt controller and event wiring. No policy:
// what goes where is decided by arch/ and machine/.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/event_fd.h"
#include "kvm/kvm.h"
#include "kvm/vcpu.h"
#include "memory/guest_memory.h"

namespace vmtest {

class Vm {
 public:
  // `type`: an architecture's own number, 0 for the default.
  static Result<Vm> Create(const Kvm& kvm, unsigned long type = 0);

  // Every region becomes a memory slot. `memory` must outlive the VM.
  Result<> SetMemory(const GuestMemory& memory);

  // Each signal of `event` becomes one edge on interrupt line `gsi` (KVM API 4.75).
  Result<> AttachIrq(const EventFd& event, uint32_t gsi);
  // A guest write of `value`, 32 bits wide, to the MMIO address signals `event` without leaving the
  // kernel (KVM API 4.59). Nullopt: any value.
  Result<> AttachNotify(const EventFd& event, uint64_t address, std::optional<uint32_t> value);

  Result<Vcpu> CreateVcpu(uint32_t id);

  int Extension(int capability) const;
  // KVM_ENABLE_CAP (KVM API 4.37) on the VM, without arguments.
  Result<> Enable(uint32_t capability, std::string_view what) const;

  // For what only one architecture has (arch/).
  int fd() const { return fd_.get(); }

 private:
  Vm(UniqueFd fd, size_t vcpu_map_size) : fd_(std::move(fd)), vcpu_map_size_(vcpu_map_size) {}

  UniqueFd fd_;
  size_t vcpu_map_size_;
};

}  // namespace vmtest
