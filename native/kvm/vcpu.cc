#include "kvm/vcpu.h"

#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>

#include "base/check.h"

namespace vmtest {

Result<Vcpu> Vcpu::Create(UniqueFd fd, size_t map_size, uint32_t id) {
  void* map = ::mmap(nullptr, map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) {
    return FailErrno("map kvm_run");
  }
  return Vcpu(std::move(fd), static_cast<kvm_run*>(map), map_size, id);
}

Vcpu::Vcpu(Vcpu&& other) noexcept
    : fd_(std::move(other.fd_)),
      run_(std::exchange(other.run_, nullptr)),
      map_size_(other.map_size_),
      id_(other.id_) {}

Vcpu::~Vcpu() {
  if (run_ != nullptr) {
    ::munmap(run_, map_size_);
  }
}

Result<> Vcpu::Run() {
  if (::ioctl(fd_.get(), KVM_RUN, 0) < 0) {
    return FailErrno("run a vCPU (KVM_RUN)");
  }
  return {};
}

void Vcpu::RequestExit() {
  std::atomic_ref<uint8_t>(run_->immediate_exit).store(1, std::memory_order_seq_cst);
}

void Vcpu::ClearExitRequest() {
  std::atomic_ref<uint8_t>(run_->immediate_exit).store(0, std::memory_order_seq_cst);
}

std::span<uint8_t> Vcpu::io_data() {
  const auto& io = run_->io;
  const size_t size = size_t{io.size} * io.count;
  VMTEST_CHECK(io.data_offset <= map_size_ && size <= map_size_ - io.data_offset);
  return {static_cast<uint8_t*>(static_cast<void*>(run_)) + io.data_offset, size};
}

std::span<uint8_t> Vcpu::mmio_data() {
  auto& mmio = run_->mmio;
  return {mmio.data, std::min<size_t>(mmio.len, sizeof(mmio.data))};
}

}  // namespace vmtest
