#include "virtio/vsock/connection.h"

namespace vmtest::vsock {

Connection Connection::ToGuest(uint32_t host_port, uint32_t guest_port, uint32_t promise) {
  Connection connection(host_port, guest_port, promise);
  connection.connecting_ = true;
  return connection;
}

Connection Connection::FromGuest(const Header& request, uint32_t promise) {
  Connection connection(request.dst_port, request.src_port, promise);
  // We have sent nothing, so a fwd_cnt other than zero is a lie; it only ever costs the guest its
  // own credit, and the next packet that repeats it is caught.
  static_cast<void>(connection.send_.Update(request.buf_alloc, request.fwd_cnt));
  return connection;
}

Connection::Verdict Connection::OnPacket(const Header& header) {
  if (header.op == Op::kReset) {
    return Verdict::kGone;
  }
  if (!send_.Update(header.buf_alloc, header.fwd_cnt)) {
    return Verdict::kReset;
  }
  if (send_.free() > 0) {
    credit_asked_ = false;
  }
  if (connecting_) {
    if (header.op != Op::kResponse || opening_pending_) {
      return Verdict::kReset;
    }
    connecting_ = false;
    return Verdict::kEstablished;
  }
  switch (header.op) {
    case Op::kReadWrite:
      // The hints of SHUTDOWN are permanent: 5.10.6.5.
      if ((guest_shutdown_ & kShutdownSend) != 0 || !receive_.Receive(header.len)) {
        return Verdict::kReset;
      }
      return Verdict::kData;
    case Op::kCreditUpdate:
      return Verdict::kNone;
    case Op::kCreditRequest:
      credit_wanted_ = true;
      return Verdict::kNone;
    case Op::kShutdown:
      return OnShutdown(header.flags);
    case Op::kInvalid:
    case Op::kRequest:
    case Op::kResponse:
    case Op::kReset:
      break;
  }
  // An unknown operation, or an opening of what is open: the two sides disagree on where they are.
  return Verdict::kReset;
}

Connection::Verdict Connection::OnShutdown(uint32_t flags) {
  guest_shutdown_ |= flags & kShutdownBoth;
  if (guest_shutdown_ == kShutdownBoth) {
    return Verdict::kDisconnected;
  }
  CheckFinished();
  return Verdict::kShutdown;
}

void Connection::HostFinished() {
  host_readable_ = false;
  shutdown_ |= kShutdownSend;
  CheckFinished();
}

void Connection::HostTakesNoMore() {
  shutdown_ |= kShutdownReceive;
  CheckFinished();
}

void Connection::Forwarded(uint32_t size) {
  receive_.Forward(size);
  CheckFinished();
}

// When neither direction can carry another byte, for whatever mixture of reasons, the clean
// disconnect begins: SHUTDOWN of both, and the guest answers RST.
void Connection::CheckFinished() {
  const bool to_guest_done =
      (shutdown_ & kShutdownSend) != 0 || (guest_shutdown_ & kShutdownReceive) != 0;
  const bool to_host_done = (shutdown_ & kShutdownReceive) != 0 ||
                            ((guest_shutdown_ & kShutdownSend) != 0 && receive_.buffered() == 0);
  if (to_guest_done && to_host_done) {
    shutdown_ = kShutdownBoth;
  }
}

std::optional<Op> Connection::NextOp() const {
  if (connecting_) {
    return opening_pending_ ? std::optional(Op::kRequest) : std::nullopt;
  }
  if (opening_pending_) {
    return Op::kResponse;
  }
  if (closing()) {
    return std::nullopt;  // the last word; even to answer CREDIT_REQUEST would only reach a corpse
  }
  if (credit_wanted_) {
    return Op::kCreditUpdate;
  }
  // kShutdownSend comes into shutdown_ only after the last byte was read. "I will receive no more"
  // alone is no news to a guest that will send no more.
  const bool moot = shutdown_ == kShutdownReceive && (guest_shutdown_ & kShutdownSend) != 0;
  if (shutdown_ != told_ && !moot) {
    return Op::kShutdown;
  }
  const bool may_send =
      (shutdown_ & kShutdownSend) == 0 && (guest_shutdown_ & kShutdownReceive) == 0;
  if (host_readable_ && may_send) {
    if (send_.free() > 0) {
      return Op::kReadWrite;
    }
    // Once per stall: the answer, or whatever packet brings credit, lets us ask again.
    if (!credit_asked_) {
      return Op::kCreditRequest;
    }
  }
  // Last, because each of the packets above carries the same news.
  if (receive_.ShouldAnnounce() && (told_ & kShutdownReceive) == 0) {
    return Op::kCreditUpdate;
  }
  return std::nullopt;
}

Header Connection::Send(Op op, uint32_t payload) {
  Header header = Address(op);
  header.len = payload;
  header.buf_alloc = receive_.promise();
  header.fwd_cnt = receive_.Announce();
  switch (op) {
    case Op::kRequest:
    case Op::kResponse:
      opening_pending_ = false;
      break;
    case Op::kShutdown:
      told_ = shutdown_;
      header.flags = told_;
      break;
    case Op::kReadWrite:
      send_.Sent(payload);
      break;
    case Op::kCreditUpdate:
      credit_wanted_ = false;
      break;
    case Op::kCreditRequest:
      credit_asked_ = true;
      break;
    case Op::kInvalid:
    case Op::kReset:
      break;
  }
  return header;
}

Header Connection::Reset() const { return Address(Op::kReset); }

Header Connection::Address(Op op) const {
  Header header;
  header.src_cid = kHostCid;
  header.dst_cid = kGuestCid;
  header.src_port = host_port_;
  header.dst_port = guest_port_;
  header.type = kTypeStream;
  header.op = op;
  return header;
}

}  // namespace vmtest::vsock
