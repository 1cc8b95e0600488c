// The end of the machine.
#pragma once

#include "agent/protocol.h"

namespace vmtest::agent {

// True with CAP_SYS_BOOT.
bool MayReboot();

// sync, then reboot(2). Returns only when the kernel refused.
void EndMachine(PowerAction action);

}  // namespace vmtest::agent
