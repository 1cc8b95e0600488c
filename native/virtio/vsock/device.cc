#include "virtio/vsock/device.h"

#include <sys/epoll.h>

#include <algorithm>
#include <string>

namespace vmtest {
namespace {

using vsock::kHeaderSize;

constexpr uint64_t kFeatureStream = 1;  // VIRTIO_VSOCK_F_STREAM, 5.10.3
constexpr std::array<uint16_t, 3> kQueueSizes = {256, 256, 16};
constexpr uint32_t kEventTransportReset = 0;  // 5.10.6.7
constexpr uint8_t kStateVersion = 1;

// What one turn of the loop may move in each direction before others get theirs, in bytes; each
// packet costs kPacketCost on top. Enough that a turn's fixed costs vanish, below a millisecond of
// copying.
constexpr int64_t kTurnBudget = 2 * kMiB;
constexpr int64_t kPacketCost = 4 * kKiB;

}  // namespace

Result<std::unique_ptr<VsockDevice>> VsockDevice::Create(EventLoop& loop, VsockHost& host,
                                                         const VsockOptions& options) {
  std::unique_ptr<VsockDevice> device(new VsockDevice(VM_TRY(EventFd::Create())));
  VsockDevice* raw = device.get();
  device->kick_watch_ = VM_TRY(loop.Add(raw->kick_.fd(), EPOLLIN, [raw](uint32_t) {
    raw->kick_.Drain();
    raw->Serve();
  }));
  device->board_ = VM_TRY(vsock::Switchboard::Create(loop, host, options, [raw] { raw->Serve(); }));
  return device;
}

uint64_t VsockDevice::features() const { return kFeatureStream; }

std::span<const uint16_t> VsockDevice::queue_sizes() const { return kQueueSizes; }

void VsockDevice::ReadConfig(uint64_t offset, std::span<uint8_t> data) {
  // struct virtio_vsock_config { le64 guest_cid; }: 5.10.4.
  for (uint8_t& byte : data) {
    byte = offset < 8 ? static_cast<uint8_t>(vsock::kGuestCid >> (8 * offset)) : uint8_t{0};
    ++offset;
  }
}

void VsockDevice::Connect(uint32_t port, VsockConnectCallback callback) {
  if (queues_.empty()) {
    callback(Fail(ErrorCode::kWrongState, "the guest has no vsock driver that is ready"));
    return;
  }
  board_->Connect(port, std::move(callback));
  // Not Serve: the guest's answers would call back before this returns.
  kick_.Signal();
}

void VsockDevice::ResetTransport() {
  board_->DropAll();
  transport_reset_pending_ = !queues_.empty();
  kick_.Signal();
}

Result<> VsockDevice::Activate(const VirtioActivation& activation) {
  queues_ = activation.queues;
  interrupt_ = activation.interrupt;
  Serve();
  return {};
}

void VsockDevice::OnQueueNotify(uint16_t) { Serve(); }

void VsockDevice::Reset() {
  queues_ = {};
  interrupt_ = nullptr;
  transport_reset_pending_ = false;
  board_->DropAll();
}

void VsockDevice::Pause() {
  paused_ = true;
  board_->Pause();
}

void VsockDevice::Resume() {
  paused_ = false;
  board_->Resume();
  Serve();
}

void VsockDevice::Save(StateWriter& writer) const { writer.U8(kStateVersion); }

void VsockDevice::Load(StateReader& reader) {
  if (reader.U8() != kStateVersion) {
    reader.MarkBad();
    return;
  }
  transport_reset_pending_ = true;
}

// One turn: everything that can be done now, up to the budget. Afterwards each queue is in one of
// these states, and for each there is someone who calls again:
//   tx: empty, with notifications on; or held back by refusals, which leave through rx
//   rx: nothing to send (an event of a stream, or tx, changes that); or empty, notifications on
//   budget spent: kick_ is signalled
void VsockDevice::Serve() {
  if (!running() || serving_) {
    return;  // serving_: called back from below, and the loops below will see what is new
  }
  serving_ = true;
  // One budget each: a flood in one direction must not starve the other, least of all of credit.
  int64_t tx_budget = kTurnBudget;
  int64_t rx_budget = kTurnBudget;
  ServeEvents();
  bool again = true;
  while (running() && again) {
    ServeTx(tx_budget);
    const bool held_back = !board_->TakesPackets();
    ServeRx(rx_budget);
    again = held_back && board_->TakesPackets() && tx_budget > 0 && rx_budget > 0;
  }
  if (running()) {
    for (const QueueIndex index : {kRx, kTx, kEvent}) {
      if (queues_[index].ShouldSignal()) {
        interrupt_->SignalQueue(index);
      }
    }
    if (tx_budget <= 0 || rx_budget <= 0) {
      kick_.Signal();
    }
  }
  serving_ = false;
}

void VsockDevice::ServeTx(int64_t& budget) {
  if (!running() || !queues_[kTx].enabled()) {
    return;
  }
  queues_[kTx].SuppressNotifications();
  while (running() && budget > 0 && board_->TakesPackets()) {
    const auto chain = Pop(kTx);
    if (chain) {
      budget -= kPacketCost + static_cast<int64_t>(chain->readable_size());
      TakePacket(*chain);
      if (running()) {
        queues_[kTx].Push(*chain, 0);
      }
    } else if (!running() || !queues_[kTx].ResumeNotifications()) {
      return;
    }
  }
}

void VsockDevice::TakePacket(const Chain& chain) {
  vsock::HeaderBytes bytes;
  if (chain.CopyFrom(0, bytes) != kHeaderSize) {
    board_->OnNoPacket();
    return;
  }
  const vsock::Header header = vsock::ParseHeader(bytes);
  if (header.len > chain.readable_size() - kHeaderSize) {
    board_->OnTruncatedPacket(header);
    return;
  }
  iovecs_.clear();
  chain.ReadableIovecs(kHeaderSize, header.len, iovecs_);
  board_->OnPacket(header, iovecs_);
}

void VsockDevice::ServeRx(int64_t& budget) {
  if (!running() || !queues_[kRx].enabled()) {
    return;
  }
  Queue& rx = queues_[kRx];
  rx.SuppressNotifications();
  while (board_->HasPackets() && budget > 0) {
    const auto chain = Pop(kRx);
    if (!chain) {
      if (!running() || !rx.ResumeNotifications()) {
        return;
      }
      continue;
    }
    // A buffer without room for any payload would hold data back for ever.
    if (chain->writable_size() <= kHeaderSize) {
      Break("a vsock rx buffer is too small for a packet");
      return;
    }
    iovecs_.clear();
    chain->WritableIovecs(kHeaderSize, vsock::kMaxPayload, iovecs_);
    const auto header = board_->NextPacket(iovecs_);
    if (!header) {
      rx.UndoPop();
      return;
    }
    chain->CopyTo(0, vsock::SerialiseHeader(*header));
    rx.Push(*chain, static_cast<uint32_t>(kHeaderSize) + header->len);
    budget -= kPacketCost + header->len;
  }
}

void VsockDevice::ServeEvents() {
  while (transport_reset_pending_ && running() && queues_[kEvent].enabled()) {
    const auto chain = Pop(kEvent);
    if (!chain) {
      if (!running() || !queues_[kEvent].ResumeNotifications()) {
        return;
      }
      continue;
    }
    // struct virtio_vsock_event { le32 id; }.
    constexpr std::array<uint8_t, 4> kEventBytes = {kEventTransportReset, 0, 0, 0};
    if (chain->CopyTo(0, kEventBytes) != kEventBytes.size()) {
      Break("a vsock event buffer is too small for an event");
      return;
    }
    queues_[kEvent].Push(*chain, kEventBytes.size());
    transport_reset_pending_ = false;
  }
}

// None when the queue is empty, or when it is broken and we are not running any more.
std::optional<Chain> VsockDevice::Pop(QueueIndex index) {
  auto popped = queues_[index].Pop();
  if (!popped) {
    Break("vsock queue " + std::to_string(index) + ": " +
          std::string(QueueErrorText(popped.error())));
    return std::nullopt;
  }
  return std::move(*popped);
}

// The driver broke the queue's rules: nothing of it can be trusted until it resets the device.
void VsockDevice::Break(std::string_view why) {
  VirtioInterrupt* interrupt = interrupt_;
  queues_ = {};
  interrupt_ = nullptr;
  board_->DropAll();
  interrupt->Fail(why);
}

}  // namespace vmtest
