// Vcpu: one virtual CPU: its descriptor and the kvm_run page it shares with the kernel.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"

namespace vmtest {

class Vcpu {
 public:
  static Result<Vcpu> Create(UniqueFd fd, size_t map_size, uint32_t id);
  Vcpu(Vcpu&& other) noexcept;
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;
  Vcpu& operator=(Vcpu&&) = delete;
  ~Vcpu();

  uint32_t id() const { return id_; }
  // For its registers, which are an architecture's own (arch/).
  int fd() const { return fd_.get(); }

  // Enters the guest (KVM_RUN) until something needs us. The exit is in run(). kIo with EINTR or
  // EAGAIN in os_error means only that a signal or RequestExit came.
  Result<> Run();

  // Makes the next Run, or the one under way once a signal reaches its thread, return with EINTR
  // (KVM_CAP_IMMEDIATE_EXIT). Any thread.
  void RequestExit();
  // Takes RequestExit back; the vCPU's own thread, before it looks at what was asked of it.
  void ClearExitRequest();

  const kvm_run& run() const { return *run_; }
  // The data of a KVM_EXIT_IO: `count` items of `size` bytes in a row.
  std::span<uint8_t> io_data();
  // The data of a KVM_EXIT_MMIO; the kernel's 8-byte buffer, cut to the access's width.
  std::span<uint8_t> mmio_data();

 private:
  Vcpu(UniqueFd fd, kvm_run* run, size_t map_size, uint32_t id)
      : fd_(std::move(fd)), run_(run), map_size_(map_size), id_(id) {}

  UniqueFd fd_;
  kvm_run* run_;
  size_t map_size_;
  uint32_t id_;
};

}  // namespace vmtest
