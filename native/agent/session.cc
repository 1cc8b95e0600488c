#include "agent/session.h"

#include <linux/vm_sockets.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "agent/protocol.h"

namespace vmtest::agent {
namespace {

// Between two attempts to reach the host: doubles from the first to the last.
constexpr int64_t kFirstPauseMs = 20;
constexpr int64_t kLastPauseMs = 2'000;
// How long a virtio driver may take to appear.
constexpr int64_t kTransportMs = 5'000;

Address VsockAddress(unsigned int cid) {
  sockaddr_vm vm{};
  vm.svm_family = AF_VSOCK;
  vm.svm_cid = cid;
  vm.svm_port = kVsockPort;
  Address address;
  std::memcpy(&address.storage, &vm, sizeof vm);
  address.size = sizeof vm;
  return address;
}

}  // namespace

Address VsockOwnAddress() { return VsockAddress(VMADDR_CID_ANY); }
Address VsockHostAddress() { return VsockAddress(VMADDR_CID_HOST); }

void EnlargeVsockBuffer(const Fd& socket) {
  constexpr uint64_t kBytes = 1024 * 1024;
  ::setsockopt(socket.get(), AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &kBytes, sizeof kBytes);
  ::setsockopt(socket.get(), AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &kBytes, sizeof kBytes);
}

bool UnixAddress(const char* path, Address* address) {
  sockaddr_un un{};
  const size_t length = std::strlen(path);
  if (length == 0 || length >= sizeof un.sun_path) {
    return false;
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path, length);
  std::memcpy(&address->storage, &un, sizeof un);
  address->size = sizeof un;
  return true;
}

Session::~Session() { loop_->Forget(&watch_); }

void Session::Dial() {
  retry_at_ = -1;
  connected_ = false;
  socket_.Reset(::socket(host_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) {
    Retry(errno);
    return;
  }
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&host_.storage), host_.size) ==
      0) {
    Connected();
  } else if (errno == EINPROGRESS) {
    loop_->Set(&watch_, socket_.get(), EPOLLOUT);
  } else {
    Retry(errno);
  }
}

void Session::Connected() {
  connected_ = true;
  pause_ms_ = 0;
  first_enodev_ = -1;
  out_ = hello_(context_);
  Send();
}

void Session::OnEvent(int, uint32_t) {
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      Retry(error);
    } else {
      Connected();
    }
    return;
  }
  Send();
  if (!connected_) {
    return;
  }
  // The host has nothing to say here; whatever comes is passed over, and its end is the news.
  char ignored[256];
  const ssize_t count = ::recv(socket_.get(), ignored, sizeof ignored, 0);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
    Retry(0);
  }
}

void Session::Send() {
  while (!out_.empty()) {
    const ssize_t count = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) {
      break;
    }
    if (count < 0) {
      Retry(errno);
      return;
    }
    out_.erase(0, static_cast<size_t>(count));
  }
  loop_->Set(&watch_, socket_.get(), EPOLLIN | (out_.empty() ? 0U : EPOLLOUT));
}

void Session::Retry(int os_error) {
  const int64_t now = NowMs();
  if (os_error == ENODEV || os_error == EAFNOSUPPORT) {
    first_enodev_ = first_enodev_ < 0 ? now : first_enodev_;
    hopeless_ = now - first_enodev_ >= kTransportMs;
  } else {
    first_enodev_ = -1;
  }
  loop_->Forget(&watch_);
  socket_.Reset();
  connected_ = false;
  pause_ms_ = std::clamp(pause_ms_ * 2, kFirstPauseMs, kLastPauseMs);
  retry_at_ = now + pause_ms_;
}

}  // namespace vmtest::agent
