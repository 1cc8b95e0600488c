#include "boot/kernel_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "boot/kernel_format.h"
#include "boot/x86_layout.h"

namespace vmtest {

namespace {

Result<KernelProbe> Probe(const ImageFile& file) {
  std::array<uint8_t, kKernelProbeSize> buffer;
  const std::span<uint8_t> head =
      std::span(buffer).first(std::min<uint64_t>(buffer.size(), file.size()));
  VM_TRY(file.Read(0, head));
  return ProbeKernel(head);
}

tl::unexpected<Error> ForAnother(const ImageFile& file, const KernelProbe& probe,
                                 std::string_view here) {
  return file.Bad(fmt::format("{}; {}", probe.description, here));
}

}  // namespace

Result<LoadedKernel> LoadX86Kernel(const UniqueFd& kernel, const GuestMemory& memory) {
  const ImageFile file = VM_TRY(ImageFile::Open(kernel, "kernel"));
  const KernelProbe probe = VM_TRY(Probe(file));
  switch (probe.format) {
    case KernelFormat::kElf:
      return LoadElf(file, memory);
    case KernelFormat::kBzImage:
      return LoadBzImage(file, memory);
    case KernelFormat::kArm64Image:
      return ForAnother(file, probe, "this engine runs x86_64");
    case KernelFormat::kOther:
      break;
  }
  return file.Bad(probe.description);
}

Result<LoadedKernel> LoadArm64Kernel(const UniqueFd& kernel, const GuestMemory& memory) {
  const ImageFile file = VM_TRY(ImageFile::Open(kernel, "kernel"));
  const KernelProbe probe = VM_TRY(Probe(file));
  switch (probe.format) {
    case KernelFormat::kArm64Image:
      return LoadArm64Image(file, memory);
    case KernelFormat::kElf:
      return ForAnother(file, probe, "aarch64 boots the Image that is built beside the vmlinux");
    case KernelFormat::kBzImage:
      return ForAnother(file, probe, "this engine runs aarch64");
    case KernelFormat::kOther:
      break;
  }
  return file.Bad(probe.description);
}

Result<> CheckKernelRange(const ImageFile& file, const AddressRange& range,
                          const GuestMemory& memory) {
  if (range.start < x86::kHighMemory) {
    return file.Bad(
        fmt::format("wants to lie at {:#x}, below 1 MiB, where the boot data is", range.start));
  }
  if (range.end > x86::kMmioHoleEnd) {
    return file.Bad(fmt::format("wants to lie at {:#x}-{:#x}; kernels start below 4 GiB",
                                range.start, range.end));
  }
  if (memory.Contains(range.start, range.size())) {
    return {};
  }
  return Fail(
      ErrorCode::kDoesNotFit,
      range.end > x86::kMmioHole
          ? fmt::format("the kernel wants to lie at {:#x}-{:#x}, where guests have no memory",
                        range.start, range.end)
          : fmt::format("the kernel needs {} of guest memory to start in ({:#x}-{:#x}); "
                        "this guest has {}",
                        FormatSize(range.end), range.start, range.end, FormatSize(memory.size())));
}

}  // namespace vmtest
