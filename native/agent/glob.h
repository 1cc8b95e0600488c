// GLOB: which paths of the guest fit a pattern. Runs in a worker, as transfers do.
#pragma once

#include <optional>

#include "agent/channel.h"
#include "agent/codec.h"

namespace vmtest::agent {

// Sends a MATCH for each path, sorted bytewise, then OK.
std::optional<Failure> Glob(Channel* channel, const GlobRequest& request);

}  // namespace vmtest::agent
