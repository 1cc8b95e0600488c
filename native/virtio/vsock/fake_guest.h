// FakeGuest: the guest's side of a vsock device in tests and fuzz targets, packet by packet.
//
// It does what it is told, right or wrong; it keeps no credit and answers nothing by itself.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "testing/device_harness.h"
#include "virtio/vsock/device.h"
#include "virtio/vsock/packet.h"

namespace vmtest::vsock {

struct Packet {
  Header header;
  std::vector<uint8_t> payload;
};

class FakeGuest {
 public:
  static constexpr uint16_t kRx = 0;
  static constexpr uint16_t kTx = 1;
  static constexpr uint16_t kEvent = 2;

  FakeGuest(VsockDevice& device, const DeviceHarness::Options& options)
      : harness_(device, options) {}

  DeviceHarness& harness() { return harness_; }
  bool Activate() { return harness_.Activate().has_value(); }

  // A stream packet from us to the host with plenty of credit; change what the test is about.
  static Header To(uint32_t host_port, uint32_t guest_port, Op op, uint32_t len = 0) {
    Header header;
    header.src_cid = kGuestCid;
    header.dst_cid = kHostCid;
    header.src_port = guest_port;
    header.dst_port = host_port;
    header.len = len;
    header.type = kTypeStream;
    header.op = op;
    header.buf_alloc = 1 << 20;
    return header;
  }

  // Posts buffers for `payload` bytes each, as Linux does: a header and the rest.
  void PostRx(int count, uint32_t payload = 4096) {
    for (int i = 0; i < count; ++i) {
      harness_.driver(kRx).Chain().Writable(kHeaderSize).Writable(payload).Publish();
    }
    harness_.Kick(kRx);
  }

  void Send(const Header& header, std::span<const uint8_t> payload = {}) {
    Reclaim();
    const HeaderBytes bytes = SerialiseHeader(header);
    auto chain = harness_.driver(kTx).Chain();
    chain.Readable(std::span<const uint8_t>(bytes));
    if (!payload.empty()) {
      chain.Readable(payload);
    }
    chain.Publish();
    harness_.Kick(kTx);
  }
  void SendText(Header header, std::string_view text) {
    header.len = static_cast<uint32_t>(text.size());
    Send(header, {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()});
  }

  // Takes finished tx buffers back. False when a length other than zero was claimed for one.
  bool Reclaim() {
    bool fine = true;
    for (const UsedBuffer& used : harness_.driver(kTx).TakeAllUsed()) {
      fine = fine && used.length == 0;
    }
    return fine;
  }

  // Every packet that has arrived.
  std::vector<Packet> Receive() {
    std::vector<Packet> packets;
    for (const UsedBuffer& used : harness_.driver(kRx).TakeAllUsed()) {
      packets.push_back(PacketOf(used));
    }
    return packets;
  }

  static Packet PacketOf(const UsedBuffer& used) {
    const auto written = used.written();
    HeaderBytes bytes{};
    std::copy_n(written.begin(), std::min(written.size(), bytes.size()), bytes.begin());
    Packet packet{.header = ParseHeader(bytes), .payload = {}};
    if (written.size() > kHeaderSize) {
      packet.payload.assign(written.begin() + kHeaderSize, written.end());
    }
    return packet;
  }

 private:
  DeviceHarness harness_;
};

// A VsockHost that keeps what it is given.
class FakeHost : public VsockHost {
 public:
  struct Accepted {
    uint32_t port;
    uint32_t peer_port;
    UniqueFd stream;
  };
  void OnAccept(uint32_t port, uint32_t peer_port, UniqueFd stream) override {
    accepted.push_back({.port = port, .peer_port = peer_port, .stream = std::move(stream)});
  }

  std::vector<Accepted> accepted;
};

}  // namespace vmtest::vsock
