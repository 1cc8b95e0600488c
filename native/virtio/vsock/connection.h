// Connection: the protocol state of one stream between a host port and a guest port
// (virtio 1.2, section 5.10.6.5). Pure: it counts bytes but never sees any, and knows no sockets.
//
//   connecting ──RESPONSE──> open ──SHUTDOWN of both directions sent──> closing ──RST or
//   deadline──>
//
// What waits to be sent is kept as flags and counters, never as a queue of packets: whatever the
// guest does, a connection takes a fixed amount of memory, and an empty rx queue loses nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "virtio/vsock/credit.h"
#include "virtio/vsock/packet.h"

namespace vmtest::vsock {

class Connection {
 public:
  // What the owner has to do after a packet of the guest.
  enum class Verdict {
    kNone,          // nothing but to look at NextOp again
    kEstablished,   // the guest accepted our connection
    kData,          // header.len bytes are the host's; call Forwarded as they leave
    kShutdown,      // guest_shutdown() has grown
    kDisconnected,  // a clean end: answer RST, deliver what was received, forget
    kReset,         // the guest broke the rules: answer RST, and so on
    kGone,          // the guest reset it: no answer
  };

  // We ask the guest for a connection; a REQUEST waits to be sent.
  static Connection ToGuest(uint32_t host_port, uint32_t guest_port, uint32_t promise);
  // The guest asked us; a RESPONSE waits to be sent.
  static Connection FromGuest(const Header& request, uint32_t promise);

  uint32_t host_port() const { return host_port_; }
  uint32_t guest_port() const { return guest_port_; }
  bool connecting() const { return connecting_; }
  // Both directions are shut down, and the guest was told.
  bool closing() const { return told_ == kShutdownBoth; }
  uint32_t guest_shutdown() const { return guest_shutdown_; }
  // Our buf_alloc.
  uint32_t promise() const { return receive_.promise(); }

  [[nodiscard]] Verdict OnPacket(const Header& header);

  // The host's side of the stream, as its owner sees it.
  void HostReadable() { host_readable_ = true; }  // there may be bytes, or an end, to read
  void HostDrained() { host_readable_ = false; }  // there was nothing; HostReadable will come
  void HostFinished();                            // read to its end
  void HostTakesNoMore();                         // nothing can be written to it any more
  void Forwarded(uint32_t size);                  // this much was written to it, or was dropped

  // The packet to send next, if any. For kReadWrite the owner reads up to send_credit() bytes
  // from the host and says HostDrained or HostFinished when there are none.
  std::optional<Op> NextOp() const;
  uint32_t send_credit() const { return send_.free(); }
  // The header of that packet, which is now as good as sent. `payload` only for kReadWrite.
  Header Send(Op op, uint32_t payload);
  // The header of a RST. The connection is to be forgotten.
  Header Reset() const;

 private:
  Connection(uint32_t host_port, uint32_t guest_port, uint32_t promise)
      : host_port_(host_port), guest_port_(guest_port), receive_(promise) {}

  Verdict OnShutdown(uint32_t flags);
  void CheckFinished();
  Header Address(Op op) const;

  uint32_t host_port_;
  uint32_t guest_port_;
  SendCredit send_;
  ReceiveCredit receive_;
  uint32_t guest_shutdown_ = 0;  // kShutdown flags that the guest sent; they stay
  uint32_t shutdown_ = 0;        // those that hold for us
  uint32_t told_ = 0;            // those of them that the guest was told
  bool connecting_ = false;
  bool opening_pending_ = true;  // REQUEST or RESPONSE
  bool host_readable_ = false;
  bool credit_wanted_ = false;  // the guest sent CREDIT_REQUEST
  bool credit_asked_ = false;   // we sent CREDIT_REQUEST, and got no credit since
};

}  // namespace vmtest::vsock
