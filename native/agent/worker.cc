#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "agent/fd.h"
#include "agent/glob.h"
#include "agent/power.h"
#include "agent/spawn.h"
#include "agent/transfer.h"

namespace vmtest::agent {
namespace {

// Without a sign of life from the host for this long, a worker ends.
constexpr int kLingerMs = 10'000;
// A guest that powers off waits no longer than this for the host to take the answer.
constexpr int kPowerLingerMs = 1'000;

// The copies of the agent's other descriptors must go: one of them may be the writing end of
// another command's standard input, which would never see its end.
int KeepOnly(int socket) {
  constexpr int kPlace = 3;
  if (socket != kPlace) {
    ::dup2(socket, kPlace);
  }
  if (::syscall(SYS_close_range, kPlace + 1, ~0U, 0) != 0) {
    // Before Linux 5.9.
    const long limit = ::sysconf(_SC_OPEN_MAX);
    for (int fd = kPlace + 1; fd < limit; ++fd) {
      ::close(fd);
    }
  }
  return kPlace;
}

std::optional<Failure> Power(Channel* channel, PowerAction action) {
  if (!MayReboot()) {
    return Failure{"power", EPERM, "the agent has no right to do this (CAP_SYS_BOOT)"};
  }
  ::sync();
  std::string answer;
  FrameWriter(&answer, FrameType::kOk);
  channel->Write(answer);
  channel->Finish(kPowerLingerMs);
  EndMachine(action);
  return std::nullopt;
}

std::optional<Failure> Run(Channel* channel, const Frame& request) {
  if (request.type == FrameType::kPower) {
    return Power(channel, *ParsePower(request.payload));
  }
  if (request.type == FrameType::kGlob) {
    return Glob(channel, *ParseGlob(request.payload));
  }
  const TransferRequest transfer = *ParseTransfer(request.payload);
  switch (request.type) {
    case FrameType::kPutFile:
      return PutFile(channel, transfer);
    case FrameType::kPutTree:
      return PutTree(channel, transfer);
    case FrameType::kGetFile:
      return GetFile(channel, transfer);
    default:
      return GetTree(channel, transfer);
  }
}

}  // namespace

void RunWorker(int socket, const Frame& request, FrameBuffer* in) {
  ResetSignals();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int fd = KeepOnly(socket);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  Channel channel(fd, in);
  const auto failure = Run(&channel, request);
  if (failure) {
    std::string answer;
    WriteError(&answer, failure->code, failure->os_error, failure->message);
    channel.Write(answer);
  }
  channel.Finish(kLingerMs);
  ::_exit(0);
}

}  // namespace vmtest::agent
