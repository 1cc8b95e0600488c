// Loads a kernel of any format that its architecture knows. This is the entry to the folder,
// together with initrd.h and x86_boot_params.h; a machine calls the three in that order:
//
//   LoadX86Kernel ──> LoadedKernel ──┬──> WriteBootParameters ──> BootPlan ──> vCPU registers
//   LoadInitrd ─────> AddressRange ──┘
//
// An arm64 kernel reads a device tree in place of the boot parameters (firmware/fdt).
#pragma once

#include "base/unique_fd.h"
#include "boot/image_file.h"
#include "boot/loaded_kernel.h"

namespace vmtest {

// Reads the file straight into guest memory, which must be as it was created: nothing else lies in
// it yet above 1 MiB. kBadImage when it is no kernel for this machine, kDoesNotFit when guest
// memory is too small for it. After an error, what guest memory holds is unspecified.
Result<LoadedKernel> LoadX86Kernel(const UniqueFd& kernel, const GuestMemory& memory);
Result<LoadedKernel> LoadArm64Kernel(const UniqueFd& kernel, const GuestMemory& memory);

// The formats, each on its own.
Result<LoadedKernel> LoadElf(const ImageFile& file, const GuestMemory& memory);
Result<LoadedKernel> LoadBzImage(const ImageFile& file, const GuestMemory& memory);
Result<LoadedKernel> LoadArm64Image(const ImageFile& file, const GuestMemory& memory);

// Whether an x86 kernel can run at `range`: in one region of RAM, above the boot structures and
// below 4 GiB, as far as the page tables of the 64-bit entry and the 32-bit PVH entry reach.
Result<> CheckKernelRange(const ImageFile& file, const AddressRange& range,
                          const GuestMemory& memory);

}  // namespace vmtest
