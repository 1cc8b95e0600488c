// Session: the agent's own connection to the host. It carries one HELLO, says by being open that
// the agent lives, and is dialled again when it ends: after a restored snapshot every connection of
// the guest is gone, and the new host wants to know.
#pragma once

#include <sys/socket.h>

#include <string>

#include "agent/fd.h"
#include "agent/loop.h"

namespace vmtest::agent {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// kVsockPort on every address of this guest, and on the host (CID 2).
Address VsockOwnAddress();
Address VsockHostAddress();
// What the host may send before it must wait for this end: four times what Linux has by default. A
// connection inherits it from its listener. Where it cannot be had, the host is only slower.
void EnlargeVsockBuffer(const Fd& socket);
// False when the path is too long for a socket address.
bool UnixAddress(const char* path, Address* address);

class Session final : public EventHandler {
 public:
  // `hello` makes the frame at the moment of each connection: the clock in it moves.
  Session(Loop* loop, const Address& host, std::string (*hello)(void*), void* context)
      : loop_(loop), host_(host), hello_(hello), context_(context) {}
  ~Session();

  void Dial();
  // Nothing more could be sent or awaited: the kernel has no transport to the host (ENODEV) and
  // none appeared within the time that a driver may take.
  bool hopeless() const { return hopeless_; }
  int64_t deadline() const { return retry_at_; }
  void OnDeadline() { Dial(); }
  void OnEvent(int fd, uint32_t events) override;

 private:
  void Connected();
  void Send();
  void Retry(int os_error);

  Loop* loop_;
  Address host_;
  std::string (*hello_)(void*);
  void* context_;
  Fd socket_;
  Watch watch_{this};
  bool connected_ = false;
  std::string out_;
  int64_t retry_at_ = -1;
  int64_t pause_ms_ = 0;
  int64_t first_enodev_ = -1;
  bool hopeless_ = false;
};

}  // namespace vmtest::agent
