#include "boot/x86_boot_params.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "boot/command_line.h"
#include "boot/x86_layout.h"
#include "boot/x86_memory_map.h"
#include "boot/x86_pvh.h"
#include "boot/x86_zero_page.h"

namespace vmtest {
Result<BootPlan> WriteBootParameters(const LoadedKernel& kernel, const BootConfig& config,
                                     const GuestMemory& memory) {
  if (!memory.Contains(0, x86::kHighMemory)) {
    return Fail(ErrorCode::kDoesNotFit, "a guest needs memory from address 0 to 1 MiB");
  }
  const uint64_t room = x86::kCommandLineSize - 1;
  VM_TRY(CheckCommandLine(config.cmdline, std::min<uint64_t>(kernel.cmdline_max, room)));
  std::vector<uint8_t> cmdline(config.cmdline.begin(), config.cmdline.end());
  cmdline.push_back(0);
  VMTEST_CHECK(memory.WriteBytes(x86::kCommandLine, cmdline));
  const std::vector<x86::MemoryMapEntry> map = x86::BuildMemoryMap(memory.regions());
  BootPlan plan = {.protocol = kernel.protocol, .entry = kernel.entry, .parameters = 0};
  switch (kernel.protocol) {
    case EntryProtocol::kLinux64:
      x86::WriteZeroPage(kernel, config, map, memory);
      plan.parameters = x86::kZeroPage;
      break;
    case EntryProtocol::kPvh32:
      x86::WritePvhStartInfo(config, map, memory);
      plan.parameters = x86::kPvhStartInfo;
      break;
    case EntryProtocol::kArm64:
      VMTEST_CHECK(false);  // reads a device tree, and no loader for x86 makes one of it
  }
  return plan;
}

}  // namespace vmtest
