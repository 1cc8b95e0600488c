// Descriptors that came with a message over a Unix socket (SCM_RIGHTS, unix(7)).
#pragma once

#include <sys/socket.h>

#include <vector>

#include "base/unique_fd.h"

namespace vmtest {

// Appends every descriptor that the kernel has installed for us with a message of recvmsg, whatever
// else is wrong with it: from here on each has an owner, so that none can leak.
void TakeDescriptors(msghdr& message, std::vector<UniqueFd>& descriptors);

}  // namespace vmtest
