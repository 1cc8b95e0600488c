#include "virtio/blk/blk_device.h"

#include <algorithm>
#include <cstring>

namespace vmtest {
namespace {

constexpr uint8_t kStateVersion = 1;

// Section 5.2.4; little-endian, as every host that we run on.
struct Config {
  uint64_t capacity = 0;  // sectors
  uint32_t size_max = 0;
  uint32_t seg_max = 0;
  uint32_t geometry = 0;
  uint32_t block_size = 0;
  uint64_t topology = 0;
  uint8_t write_back = 0;
  uint8_t unused0 = 0;
  uint16_t queues = 0;
  uint32_t max_discard_sectors = 0;
  uint32_t max_discard_ranges = 0;
  uint32_t discard_alignment = 0;  // sectors
  uint32_t max_write_zeroes_sectors = 0;
  uint32_t max_write_zeroes_ranges = 0;
  uint8_t write_zeroes_may_unmap = 0;
  uint8_t unused1[3] = {};
};
static_assert(offsetof(Config, block_size) == 20 && offsetof(Config, max_discard_sectors) == 36 &&
              offsetof(Config, write_zeroes_may_unmap) == 56);

}  // namespace

BlkDevice::BlkDevice(std::unique_ptr<DiskBackend> disk, std::string_view serial, Log log)
    : disk_(std::move(disk)), log_(std::move(log)) {
  const size_t size = std::min(serial.size(), serial_.size());
  std::copy_n(serial.begin(), size, serial_.begin());
}

uint64_t BlkDevice::features() const {
  const uint64_t common = kBlkFeatureSegMax | kBlkFeatureBlockSize | kBlkFeatureFlush;
  return common |
         (disk_->read_only() ? kBlkFeatureReadOnly : kBlkFeatureDiscard | kBlkFeatureWriteZeroes);
}

void BlkDevice::ReadConfig(uint64_t offset, std::span<uint8_t> data) {
  Config config;
  config.capacity = disk_->size() / kSectorSize;
  config.seg_max = kQueueSizes[0] - 2u;  // the header and the status take one each
  config.block_size = kSectorSize;
  if (!disk_->read_only()) {
    config.max_discard_sectors = kBlkMaxRangeSectors;
    config.max_discard_ranges = kBlkMaxRanges;
    config.discard_alignment = 4096 / kSectorSize;
    config.max_write_zeroes_sectors = kBlkMaxRangeSectors;
    config.max_write_zeroes_ranges = kBlkMaxRanges;
    config.write_zeroes_may_unmap = 1;
  }
  std::array<uint8_t, sizeof(Config)> bytes;
  std::memcpy(bytes.data(), &config, sizeof(config));
  for (size_t i = 0; i < data.size(); ++i) {
    // Neither the offset nor the sum can be trusted not to wrap.
    const bool inside = offset < bytes.size() && i < bytes.size() - offset;
    data[i] = inside ? bytes[offset + i] : uint8_t{0};
  }
}

// Nothing there is writable: the write-back field needs CONFIG_WCE, which is not offered.
void BlkDevice::WriteConfig(uint64_t /*offset*/, std::span<const uint8_t> /*data*/) {}

Result<> BlkDevice::Activate(const VirtioActivation& activation) {
  queue_ = activation.queues.data();
  interrupt_ = activation.interrupt;
  // 5.2.6.2: a driver that did not ask for FLUSH has no way to make a write safe but to send it.
  write_through_ = (activation.features & kBlkFeatureFlush) == 0;
  return {};
}

void BlkDevice::OnQueueNotify(uint16_t /*index*/) {
  if (!paused_) {
    Serve();
  }
}

void BlkDevice::Serve() {
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
    // Not once for the batch: a request may take long, and the driver can go on with this one.
    if (queue_->ShouldSignal()) {
      interrupt_->SignalQueue(0);
    }
  }
  if (more || queue_->ResumeNotifications()) {
    interrupt_->NotifyAgain(0);
  }
}

// False when the queue is empty.
tl::expected<bool, std::string_view> BlkDevice::ServeOne() {
  const auto popped = queue_->Pop();
  if (!popped) {
    return tl::unexpected(QueueErrorText(popped.error()));
  }
  if (!popped->has_value()) {
    return false;
  }
  const Chain& chain = **popped;
  if (chain.writable_size() == 0) {
    return tl::unexpected<std::string_view>("a block request has no room for its status");
  }
  const auto request =
      ParseBlkRequest(chain, {.size = disk_->size(), .read_only = disk_->read_only()});
  BlkStatus status = BlkStatus::kOk;
  if (!request) {
    status = request.error();
  } else if (const auto done = Execute(*request, chain); !done) {
    status = BlkStatus::kIoError;
    if (log_ && !std::exchange(logged_, true)) {
      log_(done.error().message);
    }
  }
  const uint64_t status_offset = chain.writable_size() - 1;
  const auto status_byte = static_cast<uint8_t>(status);
  chain.CopyTo(status_offset, std::span(&status_byte, 1));
  // 2.7.8.2: the length counts from the start, without gaps. The status is the last byte, so it
  // counts only when everything before it was written.
  const bool filled =
      request.has_value() && status == BlkStatus::kOk &&
      (request->type == BlkRequest::Type::kRead || request->type == BlkRequest::Type::kGetId);
  const uint64_t data = filled ? request->length : 0;
  queue_->Push(chain, static_cast<uint32_t>(data == status_offset ? data + 1 : data));
  return true;
}

Result<> BlkDevice::Execute(const BlkRequest& request, const Chain& chain) {
  std::vector<iovec> pieces;
  switch (request.type) {
    case BlkRequest::Type::kRead:
      chain.WritableIovecs(0, request.length, pieces);
      return disk_->ReadV(pieces, request.offset);
    case BlkRequest::Type::kWrite:
      chain.ReadableIovecs(kBlkHeaderSize, request.length, pieces);
      VM_TRY(disk_->WriteV(pieces, request.offset));
      break;
    case BlkRequest::Type::kFlush:
      return disk_->Flush();
    case BlkRequest::Type::kGetId:
      chain.CopyTo(0, serial_);
      return {};
    case BlkRequest::Type::kDiscard:
    case BlkRequest::Type::kWriteZeroes:
      VM_TRY(ExecuteRanges(request));
      break;
  }
  return write_through_ ? disk_->Flush() : Result<>();
}

Result<> BlkDevice::ExecuteRanges(const BlkRequest& request) {
  for (const BlkRange& range : request.ranges) {
    if (range.length == 0) {
      continue;
    }
    if (request.type == BlkRequest::Type::kDiscard) {
      VM_TRY(disk_->Discard(range.offset, range.length));
    } else {
      VM_TRY(disk_->WriteZeroes(range.offset, range.length, range.unmap));
    }
  }
  return {};
}

void BlkDevice::Reset() {
  queue_ = nullptr;
  interrupt_ = nullptr;
}

// Requests are served to the end, one by one: nothing is ever in flight between two calls.
void BlkDevice::Pause() { paused_ = true; }

void BlkDevice::Resume() {
  paused_ = false;
  Serve();
}

void BlkDevice::Save(StateWriter& writer) const {
  writer.U8(kStateVersion);
  writer.U64(disk_->size());
  writer.Bool(disk_->read_only());
  disk_->Save(writer);
}

// A snapshot goes with a disk of the same size and kind, or the guest would find another one.
void BlkDevice::Load(StateReader& reader) {
  if (reader.U8() != kStateVersion || reader.U64() != disk_->size() ||
      reader.Bool() != disk_->read_only()) {
    return reader.MarkBad();
  }
  disk_->Load(reader);
}

}  // namespace vmtest
