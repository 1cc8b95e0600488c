#include "virtio/rng/rng_device.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

namespace vmtest {
namespace {

constexpr uint8_t kStateVersion = 1;

// Random bytes from the host's kernel; false when it has none to give.
bool FillRandom(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno != EINTR) {
      return false;
    }
    out = out.subspan(static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  return true;
}

}  // namespace

// There is no configuration space (5.4.4).
void RngDevice::ReadConfig(uint64_t /*offset*/, std::span<uint8_t> data) {
  std::ranges::fill(data, uint8_t{0});
}

void RngDevice::WriteConfig(uint64_t /*offset*/, std::span<const uint8_t> /*data*/) {}

Result<> RngDevice::Activate(const VirtioActivation& activation) {
  queue_ = activation.queues.data();
  interrupt_ = activation.interrupt;
  return {};
}

void RngDevice::OnQueueNotify(uint16_t /*index*/) {
  if (!paused_) {
    Serve();
  }
}

void RngDevice::Serve() {
  if (queue_ == nullptr || !queue_->enabled()) {
    return;
  }
  queue_->SuppressNotifications();
  bool more = true;
  for (uint16_t share = queue_->size(); more && share > 0; --share) {
    const auto served = ServeOne();
    if (!served) {
      return interrupt_->Fail(served.error());
    }
    more = *served;
  }
  if (queue_->ShouldSignal()) {
    interrupt_->SignalQueue(0);
  }
  if (more || queue_->ResumeNotifications()) {
    interrupt_->NotifyAgain(0);
  }
}

// False when the queue is empty.
tl::expected<bool, std::string_view> RngDevice::ServeOne() {
  const auto popped = queue_->Pop();
  if (!popped) {
    return tl::unexpected(QueueErrorText(popped.error()));
  }
  if (!popped->has_value()) {
    return false;
  }
  const Chain& chain = **popped;
  // 5.4.6: the device writes one byte or more. A driver that leaves no room for one, or that wants
  // the device to read, breaks the rules.
  if (chain.writable_size() == 0 || chain.readable_size() != 0) {
    return tl::unexpected<std::string_view>(
        "an entropy buffer must be device-writable and not empty");
  }
  std::array<uint8_t, kMaxBytesPerRequest> bytes;
  const auto wanted = std::span(bytes).first(
      static_cast<size_t>(std::min<uint64_t>(bytes.size(), chain.writable_size())));
  if (!FillRandom(wanted)) {
    return tl::unexpected<std::string_view>("the host has no random bytes to give");
  }
  queue_->Push(chain, static_cast<uint32_t>(chain.CopyTo(0, wanted)));
  return true;
}

void RngDevice::Reset() {
  queue_ = nullptr;
  interrupt_ = nullptr;
}

void RngDevice::Pause() { paused_ = true; }

void RngDevice::Resume() {
  paused_ = false;
  Serve();
}

void RngDevice::Save(StateWriter& writer) const { writer.U8(kStateVersion); }

void RngDevice::Load(StateReader& reader) {
  if (reader.U8() != kStateVersion) {
    reader.MarkBad();
  }
}

}  // namespace vmtest
