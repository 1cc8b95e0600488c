// Finds a place for the initrd and reads it in.
#pragma once

#include "base/unique_fd.h"
#include "boot/loaded_kernel.h"

namespace vmtest {

// Page-aligned, as high as kernel.initrd_limit allows, so that it is out of the way of a kernel
// that unpacks or moves itself; clear of kernel.range. The range that
// is returned is as long as the file. kDoesNotFit when no such place exists, kBadImage for an empty
// or special file.
Result<AddressRange> LoadInitrd(const UniqueFd& initrd, const LoadedKernel& kernel,
                                const GuestMemory& memory);

}  // namespace vmtest
