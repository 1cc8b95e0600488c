#include "virtio/vsock/switchboard.h"

#include <sys/epoll.h>

#include <algorithm>

#include "base/check.h"
#include "virtio/vsock/link.h"

namespace vmtest::vsock {

Result<std::unique_ptr<Switchboard>> Switchboard::Create(EventLoop& loop, VsockHost& host,
                                                         const VsockOptions& options,
                                                         std::function<void()> on_work) {
  std::unique_ptr<Switchboard> board(new Switchboard(loop, host, options, std::move(on_work)));
  board->timer_ = VM_TRY(Timer::Create(loop, [raw = board.get()] { raw->OnTimer(); }));
  return board;
}

Switchboard::~Switchboard() = default;

void Switchboard::OnPacket(const Header& header, std::span<const iovec> payload) {
  if (header.src_cid != kGuestCid) {
    ++statistics_.malformed;  // nobody to answer: the sender lies about who it is
    return;
  }
  // A RST for other CIDs and types comes from the address that the guest tried to reach, so that
  // its connect fails at once. An unknown type MUST be answered so: 5.10.6.4.2.
  if (header.dst_cid != kHostCid || header.type != kTypeStream) {
    Refuse(header);
    return;
  }
  const auto found = by_ports_.find(KeyOf(header.dst_port, header.src_port));
  if (found == by_ports_.end()) {
    if (header.op == Op::kRequest) {
      Accept(header);
    } else {
      Refuse(header);
    }
    return;
  }
  Link& link = *found->second;
  switch (link.connection.OnPacket(header)) {
    case Connection::Verdict::kNone:
      break;
    case Connection::Verdict::kEstablished:
      if (!Establish(link)) {
        return;
      }
      break;
    case Connection::Verdict::kData:
      OnData(link, header.len, payload);
      break;
    case Connection::Verdict::kShutdown:
      OnGuestShutdown(link);
      break;
    case Connection::Verdict::kDisconnected:
      replies_.push_back(link.connection.Reset());
      if (link.stream) {
        link.stream->DiscardReading();  // a clean end for the host too
      }
      Drop(link, {});
      return;
    case Connection::Verdict::kReset:
      Reset(link, {.code = ErrorCode::kProtocol,
                   .message = "the guest answered a vsock connect with nonsense"});
      return;
    case Connection::Verdict::kGone:
      if (!link.connection.closing()) {
        ++statistics_.resets;
      }
      Drop(link, {.code = ErrorCode::kNotFound,
                  .message = "the guest refused a vsock connection to port " +
                             std::to_string(header.src_port)});
      return;
  }
  UpdateReady(link);
}

void Switchboard::OnTruncatedPacket(const Header& header) {
  if (header.op == Op::kReset) {
    OnPacket(header, {});  // a RST has no payload to believe in
    return;
  }
  ++statistics_.malformed;
  const auto found = by_ports_.find(KeyOf(header.dst_port, header.src_port));
  if (header.src_cid == kGuestCid && header.dst_cid == kHostCid && header.type == kTypeStream &&
      found != by_ports_.end()) {
    Reset(*found->second, {.code = ErrorCode::kProtocol,
                           .message = "the guest answered a vsock connect with nonsense"});
  } else if (header.src_cid == kGuestCid) {
    Refuse(header);
  }
}

void Switchboard::Refuse(const Header& packet) {
  if (packet.op == Op::kReset) {
    return;  // never RST for RST: two sides would answer each other for ever
  }
  Header reply;
  reply.src_cid = packet.dst_cid;
  reply.dst_cid = kGuestCid;
  reply.src_port = packet.dst_port;
  reply.dst_port = packet.src_port;
  reply.type = packet.type;
  reply.op = Op::kReset;
  replies_.push_back(reply);
  ++statistics_.resets;
}

void Switchboard::OnData(Link& link, uint32_t size, std::span<const iovec> payload) {
  statistics_.tx_bytes += size;
  uint64_t gone = size;  // without a stream, the host has closed: dropped
  if (link.stream) {
    gone = link.stream->Write(payload);
    if (!link.stream->takes_more()) {
      // What was buffered before is dropped as well.
      gone += link.stream->Flush();
      link.connection.HostTakesNoMore();
    }
  }
  link.connection.Forwarded(static_cast<uint32_t>(gone));
}

void Switchboard::OnGuestShutdown(Link& link) {
  if (link.stream && (link.connection.guest_shutdown() & kShutdownReceive) != 0) {
    link.stream->FinishReading();
  }
  FinishWritingWhenDone(link);
}

void Switchboard::FinishWritingWhenDone(Link& link) {
  if (link.stream && link.stream->pending() == 0 &&
      (link.connection.guest_shutdown() & kShutdownSend) != 0) {
    link.stream->FinishWriting();
  }
}

std::optional<Header> Switchboard::NextPacket(std::span<const iovec> space) {
  if (!replies_.empty()) {
    const Header reply = replies_.front();
    replies_.pop_front();
    return reply;
  }
  while (!ready_.empty()) {
    Link& link = *ready_.front();
    // To the end of the line before it is served: one packet each is what makes it fair.
    ready_.splice(ready_.end(), ready_, link.position);
    const auto header = NextPacketOf(link, space);
    UpdateReady(link);
    if (header) {
      return header;
    }
  }
  return std::nullopt;
}

std::optional<Header> Switchboard::NextPacketOf(Link& link, std::span<const iovec> space) {
  while (const auto op = link.connection.NextOp()) {
    uint32_t size = 0;
    if (*op == Op::kReadWrite) {
      uint64_t room = std::min(link.connection.send_credit(), kMaxPayload);
      scratch_.clear();
      for (const iovec& piece : space) {
        const uint64_t part = std::min<uint64_t>(piece.iov_len, room);
        if (part > 0) {
          scratch_.push_back({.iov_base = piece.iov_base, .iov_len = part});
        }
        room -= part;
      }
      const auto read = link.stream->Read(scratch_);
      if (read.kind != HostStream::ReadResult::Kind::kBytes) {
        if (read.kind == HostStream::ReadResult::Kind::kEnd) {
          link.connection.HostFinished();
        } else {
          link.connection.HostDrained();
        }
        continue;
      }
      size = read.size;
      statistics_.rx_bytes += size;
    }
    const Header header = link.connection.Send(*op, size);
    if (link.connection.closing() && !link.deadline) {
      // Nothing flows any more in either direction.
      link.stream.reset();
      SetDeadline(link, options_.close_timeout);
    }
    return header;
  }
  return std::nullopt;
}

void Switchboard::OnStreamEvent(Link& link, uint32_t events) {
  if (link.draining) {
    // Of no concern to the guest, so a pause does not stop it.
    link.stream->Flush();
    if (link.stream->pending() == 0) {
      Erase(draining_, link);
    }
    return;
  }
  if (paused_) {
    link.deferred_events |= events;  // edges come once
    return;
  }
  HandleEvents(link, events);
  on_work_();
}

void Switchboard::HandleEvents(Link& link, uint32_t events) {
  if ((events & (EPOLLOUT | EPOLLHUP)) != 0) {
    link.connection.Forwarded(static_cast<uint32_t>(link.stream->Flush()));
    FinishWritingWhenDone(link);
  }
  if ((events & EPOLLHUP) != 0 || !link.stream->takes_more()) {
    link.connection.HostTakesNoMore();
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    link.connection.HostReadable();
  }
  UpdateReady(link);
}

// Keeps a link in ready_ exactly while it wants to send.
void Switchboard::UpdateReady(Link& link) {
  const bool ready = link.connection.NextOp().has_value();
  if (ready != link.ready) {
    Links& from = ready ? idle_ : ready_;
    Links& to = ready ? ready_ : idle_;
    to.splice(to.end(), from, link.position);
    link.ready = ready;
  }
}

VsockStatistics Switchboard::statistics() const {
  VsockStatistics statistics = statistics_;
  statistics.open = count();
  return statistics;
}

}  // namespace vmtest::vsock
