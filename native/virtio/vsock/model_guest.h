// ModelGuest: an honest guest's vsock stack, for the model test. It keeps to its credit, answers
// what must be answered, checks every byte and every promise, and acts on its queues only when an
// interrupt says so: a wake-up that the device loses stays lost.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "virtio/vsock/fake_guest.h"

namespace vmtest::vsock {

// Byte `offset` of one direction of one stream.
inline uint8_t PatternByte(uint32_t stream, bool to_host, uint64_t offset) {
  return static_cast<uint8_t>(stream * 37 + (to_host ? 101 : 0) + offset * 7 + (offset >> 8));
}

class ModelGuest {
 public:
  struct Socket {
    uint32_t id = 0;  // of the pattern; the guest's port
    bool open = false;
    bool refused = false;
    bool gone = false;  // both sides are done, or it was reset
    uint32_t buf_alloc = 0;
    uint32_t received = 0;  // from the host
    uint32_t consumed = 0;
    uint32_t announced = 0;
    uint32_t sent = 0;
    uint32_t goal = 0;  // send up to here
    uint32_t peer_alloc = 0;
    uint32_t peer_fwd = 0;
    uint32_t host_shutdown = 0;
    bool finish = false;  // send SHUTDOWN(SEND) at the goal
    bool finished = false;
  };
  using Key = std::pair<uint32_t, uint32_t>;  // host port, our port

  explicit ModelGuest(FakeGuest& fake) : fake_(fake) {}

  std::map<Key, Socket>& sockets() { return sockets_; }
  // Refuse connections to us whose port is a multiple of this; 0: none.
  uint32_t refuse_multiples_of = 0;
  std::vector<std::string> complaints;

  Socket& Open(uint32_t host_port, uint32_t id, uint32_t buf_alloc) {
    Socket& socket = sockets_[{host_port, id}];
    socket.id = id;
    socket.buf_alloc = buf_alloc;
    Queue({host_port, id}, Op::kRequest);
    return socket;
  }

  // Posts up to `count` buffers, as far as there are descriptors.
  void PostRx(int count, uint32_t payload) {
    const size_t free = driver(FakeGuest::kRx).free_descriptors() / 2;
    fake_.PostRx(static_cast<int>(std::min<size_t>(static_cast<size_t>(count), free)), payload);
  }

  // What the interrupt handlers do. True when there was something.
  bool HandleInterrupts() {
    RecordingInterrupt& interrupt = fake_.harness().interrupt();
    bool worked = false;
    if (interrupt.TakeQueueSignals(FakeGuest::kRx) > 0) {
      DriverQueue& rx = driver(FakeGuest::kRx);
      do {
        rx.DisableInterrupts();
        while (const auto used = rx.TakeUsed()) {
          OnPacket(FakeGuest::PacketOf(*used));
          worked = true;
        }
      } while (rx.EnableInterrupts());
    }
    if (interrupt.TakeQueueSignals(FakeGuest::kTx) > 0) {
      worked = !driver(FakeGuest::kTx).TakeAllUsed().empty() || worked;
    }
    return worked;
  }

  // The application reads `size` bytes. Announced lazily, as Linux does.
  void Consume(const Key& key, Socket& socket, uint32_t size) {
    socket.consumed += std::min(size, socket.received - socket.consumed);
    if (!socket.gone && socket.consumed - socket.announced > socket.buf_alloc / 2) {
      Queue(key, Op::kCreditUpdate);
    }
  }

  // Sends what waits and what credit allows, at most `most` bytes of data per packet. True when
  // something was sent.
  bool Transmit(uint32_t most) {
    bool worked = false;
    while (!control_.empty() && HasRoom()) {
      const auto [key, op, flags] = control_.front();
      control_.pop_front();
      SendNow(key, op, flags, {});
      worked = true;
    }
    for (auto& [key, socket] : sockets_) {
      if (!socket.open || socket.gone || !HasRoom()) {
        continue;
      }
      const uint32_t in_flight = socket.sent - socket.peer_fwd;
      const uint32_t room = socket.peer_alloc - std::min(in_flight, socket.peer_alloc);
      const uint32_t size = std::min({room, socket.goal - socket.sent, most});
      if (size > 0 && (socket.host_shutdown & kShutdownReceive) == 0) {
        std::vector<uint8_t> payload(size);
        for (uint32_t i = 0; i < size; ++i) {
          payload[i] = PatternByte(socket.id, true, socket.sent + i);
        }
        socket.sent += size;
        SendNow(key, Op::kReadWrite, 0, payload);
        worked = true;
      } else if (socket.finish && !socket.finished && socket.sent == socket.goal) {
        socket.finished = true;
        Queue(key, Op::kShutdown, kShutdownSend);
        worked = true;
      }
    }
    return worked;
  }

  void Queue(const Key& key, Op op, uint32_t flags = 0) { control_.push_back({key, op, flags}); }

 private:
  struct Control {
    Key key;
    Op op;
    uint32_t flags;
  };

  DriverQueue& driver(uint16_t index) { return fake_.harness().driver(index); }
  bool HasRoom() { return driver(FakeGuest::kTx).free_descriptors() >= 2; }

  void SendNow(const Key& key, Op op, uint32_t flags, std::span<const uint8_t> payload) {
    Header header = FakeGuest::To(key.first, key.second, op, static_cast<uint32_t>(payload.size()));
    header.flags = flags;
    if (const auto found = sockets_.find(key); found != sockets_.end()) {
      header.buf_alloc = found->second.buf_alloc;
      header.fwd_cnt = found->second.consumed;
      found->second.announced = found->second.consumed;
    }
    const HeaderBytes bytes = SerialiseHeader(header);
    auto chain = driver(FakeGuest::kTx).Chain();
    chain.Readable(std::span<const uint8_t>(bytes));
    if (!payload.empty()) {
      chain.Readable(payload);
    }
    chain.Publish();
    fake_.harness().Kick(FakeGuest::kTx);
  }

  void OnPacket(const Packet& packet) {
    const Header& header = packet.header;
    const Key key = {header.src_port, header.dst_port};
    if (header.op == Op::kRequest) {
      if (refuse_multiples_of != 0 && header.dst_port % refuse_multiples_of == 0) {
        Queue(key, Op::kReset);
        return;
      }
      Socket& socket = sockets_[key];
      socket = {.id = header.dst_port, .open = true, .buf_alloc = 200};
      Queue(key, Op::kResponse);
    }
    const auto found = sockets_.find(key);
    if (found == sockets_.end() || found->second.gone) {
      Complain(header, "a packet for nobody");
      return;
    }
    Socket& socket = found->second;
    socket.peer_alloc = header.buf_alloc;
    socket.peer_fwd = header.fwd_cnt;
    switch (header.op) {
      case Op::kResponse:
        socket.open = true;
        break;
      case Op::kReset:
        socket.gone = true;
        socket.refused = !socket.open;
        if (socket.open) {
          Complain(header, "an open connection was reset");
        }
        break;
      case Op::kReadWrite:
        OnData(packet, socket);
        break;
      case Op::kCreditRequest:
        Queue(key, Op::kCreditUpdate);
        break;
      case Op::kShutdown:
        socket.host_shutdown |= header.flags;
        if (socket.host_shutdown == kShutdownBoth) {
          socket.gone = true;
          Queue(key, Op::kReset);
        }
        break;
      case Op::kRequest:
      case Op::kCreditUpdate:
        break;
      case Op::kInvalid:
        Complain(header, "an invalid packet");
        break;
    }
  }

  void OnData(const Packet& packet, Socket& socket) {
    if (packet.payload.size() != packet.header.len || packet.header.len == 0) {
      Complain(packet.header, "a length that is not true");
    }
    for (const uint8_t byte : packet.payload) {
      if (byte != PatternByte(socket.id, false, socket.received)) {
        Complain(packet.header, "a wrong byte");
        return;
      }
      ++socket.received;
    }
    if (socket.received - socket.consumed > socket.buf_alloc) {
      Complain(packet.header, "more than there was room for");
    }
    if ((socket.host_shutdown & kShutdownSend) != 0) {
      Complain(packet.header, "data after the end");
    }
  }

  void Complain(const Header& header, std::string what) {
    complaints.push_back(std::to_string(header.src_port) + " to " +
                         std::to_string(header.dst_port) + ", operation " +
                         std::to_string(static_cast<int>(header.op)) + ": " + what);
  }

  FakeGuest& fake_;
  std::map<Key, Socket> sockets_;
  std::deque<Control> control_;
};

}  // namespace vmtest::vsock
