#include "vhost_user/fake_front_end.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"
#include "testing/send_descriptors.h"

namespace vmtest::vhost_user {

UniqueFd MakeMemfd(uint64_t size, int seals) {
  UniqueFd file(::memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  VMTEST_CHECK(file && ::ftruncate(file.get(), static_cast<off_t>(size)) == 0);
  VMTEST_CHECK(::fcntl(file.get(), F_ADD_SEALS, seals) == 0);
  return file;
}

FakeFrontEnd::FakeFrontEnd() : memfd_(MakeMemfd(kMemory, F_SEAL_SHRINK)) {
  std::array<int, 2> ends{};
  VMTEST_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  socket_.Reset(ends[0]);
  back_end_.Reset(ends[1]);
  const GuestMemory::FileRange range{
      .start = 0, .size = kMemory, .file = memfd_.get(), .offset = 0};
  memory_ = GuestMemory::Map({&range, 1}).value();
  for (uint32_t i = 0; i < 2; ++i) {
    kicks_.push_back(EventFd::Create().value());
    calls_.push_back(EventFd::Create().value());
  }
  NewDriver();
}

void FakeFrontEnd::NewDriver() {
  drivers_.clear();
  for (uint64_t i = 0; i < 2; ++i) {
    drivers_.push_back(std::make_unique<DriverQueue>(*memory_, i * kQueueArea, kQueueArea,
                                                     DriverQueue::Options{.size = 64}));
  }
}

std::vector<uint8_t> FakeFrontEnd::Bytes(RequestType type, const StateWriter& payload,
                                         uint32_t flags) {
  StateWriter header;
  header.U32(static_cast<uint32_t>(type));
  header.U32(flags);
  header.U32(static_cast<uint32_t>(payload.bytes().size()));
  std::vector<uint8_t> bytes = header.bytes();
  bytes.insert(bytes.end(), payload.bytes().begin(), payload.bytes().end());
  return bytes;
}

void FakeFrontEnd::Send(RequestType type, const StateWriter& payload, const std::vector<int>& fds,
                        uint32_t flags) const {
  SendBytes(Bytes(type, payload, flags), fds);
}

void FakeFrontEnd::SendBytes(std::span<const uint8_t> bytes, const std::vector<int>& fds) const {
  // The back-end may be gone already: then nobody cares.
  static_cast<void>(SendWithDescriptors(socket_.get(), bytes, fds, MSG_NOSIGNAL | MSG_DONTWAIT));
}

std::vector<uint8_t> FakeFrontEnd::Receive() const {
  std::vector<uint8_t> all(4096);
  const ssize_t size = ::recv(socket_.get(), all.data(), all.size(), MSG_DONTWAIT);
  all.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return all;
}

bool FakeFrontEnd::Closed() const {
  uint8_t byte = 0;
  const ssize_t size = ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK);
  return size == 0 || (size < 0 && errno == ECONNRESET);
}

StateWriter FakeFrontEnd::Number(uint64_t value) {
  StateWriter payload;
  payload.U64(value);
  return payload;
}

StateWriter FakeFrontEnd::RingNumber(uint32_t ring, uint32_t value) {
  StateWriter payload;
  payload.U32(ring);
  payload.U32(value);
  return payload;
}

StateWriter FakeFrontEnd::Addresses(uint32_t ring) const {
  const QueueConfig& config = drivers_[ring]->config();
  StateWriter payload;
  payload.U32(ring);
  payload.U32(0);
  payload.U64(kUser + config.descriptors);
  payload.U64(kUser + config.used);
  payload.U64(kUser + config.available);
  payload.U64(0);
  return payload;
}

StateWriter FakeFrontEnd::MemTable(uint64_t pieces) {
  StateWriter payload;
  payload.U32(static_cast<uint32_t>(pieces));
  payload.U32(0);
  for (uint64_t i = 0; i < pieces; ++i) {
    const uint64_t offset = i * (kMemory / pieces);
    payload.U64(offset);
    payload.U64(kMemory / pieces);
    payload.U64(kUser + offset);
    payload.U64(offset);
  }
  return payload;
}

void FakeFrontEnd::SendMemTable() const {
  Send(RequestType::kSetMemTable, MemTable(), {memfd_.get()});
}

void FakeFrontEnd::SendRing(uint32_t ring, uint16_t base) const {
  Send(RequestType::kSetVringNum, RingNumber(ring, drivers_[ring]->size()));
  Send(RequestType::kSetVringBase, RingNumber(ring, base));
  Send(RequestType::kSetVringAddr, Addresses(ring));
  Send(RequestType::kSetVringKick, Number(ring), {kicks_[ring].fd()});
  Send(RequestType::kSetVringCall, Number(ring), {calls_[ring].fd()});
}

void FakeFrontEnd::Start(uint16_t rx_base, uint16_t tx_base) const {
  Send(RequestType::kSetFeatures, Number(kAllFeatures));
  SendMemTable();
  SendRing(0, rx_base);
  SendRing(1, tx_base);
  Send(RequestType::kSetVringEnable, RingNumber(0, 1));
  Send(RequestType::kSetVringEnable, RingNumber(1, 1));
}

void FakeFrontEnd::Stop() const {
  Send(RequestType::kSetVringEnable, RingNumber(0, 0));
  Send(RequestType::kSetVringEnable, RingNumber(1, 0));
  Send(RequestType::kGetVringBase, RingNumber(0, 0));
  Send(RequestType::kGetVringBase, RingNumber(1, 0));
}

}  // namespace vmtest::vhost_user
