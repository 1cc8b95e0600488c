// Loads an x86_64 kernel of any known format. This is the entry to the folder, together with
// initrd.h and x86_boot_params.h; a machine calls the three in that order:
//
//   LoadKernel ──> LoadedKernel ──┬──> WriteBootParameters ──> BootPlan ──> arch: vCPU registers
//   LoadInitrd ──> AddressRange ──┘
//
// aarch64 adds a loader of its Image format and a counterpart to x86_boot_params (a device tree).
#pragma once

#include "base/unique_fd.h"
#include "boot/image_file.h"
#include "boot/loaded_kernel.h"

namespace vmtest {

// Reads the file straight into guest memory, which must be as it was created: nothing else lies in
// it yet above 1 MiB. kBadImage when it is no kernel for this machine, kDoesNotFit when guest
// memory is too small for it. After an error, what guest memory holds is unspecified.
Result<LoadedKernel> LoadKernel(const UniqueFd& kernel, const GuestMemory& memory);

// The formats, each on its own.
Result<LoadedKernel> LoadElf(const ImageFile& file, const GuestMemory& memory);
Result<LoadedKernel> LoadBzImage(const ImageFile& file, const GuestMemory& memory);

// Whether a kernel can run at `range`: in one region of RAM, above the boot structures and below
// 4 GiB, as far as the page tables of the 64-bit entry and the 32-bit PVH entry reach.
Result<> CheckKernelRange(const ImageFile& file, const AddressRange& range,
                          const GuestMemory& memory);

}  // namespace vmtest
