// File transfers, globs and power, each in a process of its own that may block: a disk or a network
// file system that hangs costs one worker, and the code is a straight line.
#pragma once

#include <optional>

#include "agent/channel.h"
#include "agent/codec.h"

namespace vmtest::agent {

// The body of a worker, right after the fork. Takes one of the four transfer requests, GLOB
// or POWER, whose payload was parsed once already. `in` holds what followed the request.
[[noreturn]] void RunWorker(int socket, const Frame& request, FrameBuffer* in);

// The host sends, the agent writes. The answer is OK.
std::optional<Failure> PutFile(Channel* channel, const TransferRequest& request);
std::optional<Failure> PutTree(Channel* channel, const TransferRequest& request);

// The agent reads and sends. The answer ends with OK.
std::optional<Failure> GetFile(Channel* channel, const TransferRequest& request);
std::optional<Failure> GetTree(Channel* channel, const TransferRequest& request);

}  // namespace vmtest::agent
