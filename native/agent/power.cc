#include "agent/power.h"

#include <linux/capability.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "agent/console.h"

namespace vmtest::agent {

bool MayReboot() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  return ::syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1U << CAP_SYS_BOOT) != 0;
}

void EndMachine(PowerAction action) {
  ::sync();
  switch (action) {
    case PowerAction::kPowerOff:
      ::reboot(RB_POWER_OFF);
      break;
    case PowerAction::kReboot:
      ::reboot(RB_AUTOBOOT);
      break;
    case PowerAction::kHalt:
      ::reboot(static_cast<int>(RB_HALT_SYSTEM));
      break;
  }
  ConsoleLine("the kernel refused to end the machine: %s", ::strerror(errno));
}

}  // namespace vmtest::agent
