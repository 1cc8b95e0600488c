#include "virtio/vsock/packet.h"

namespace vmtest::vsock {
namespace {

class Cursor {
 public:
  explicit Cursor(const uint8_t* at) : at_(at) {}

  template <typename T>
  T Take() {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<uint64_t>(*at_++) << (8 * i);
    }
    return static_cast<T>(value);
  }

 private:
  const uint8_t* at_;
};

template <typename T>
void Put(uint8_t*& at, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    *at++ = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

}  // namespace

// struct virtio_vsock_hdr: little-endian, packed, in this order.
Header ParseHeader(const HeaderBytes& bytes) {
  Cursor cursor(bytes.data());
  Header header;
  header.src_cid = cursor.Take<uint64_t>();
  header.dst_cid = cursor.Take<uint64_t>();
  header.src_port = cursor.Take<uint32_t>();
  header.dst_port = cursor.Take<uint32_t>();
  header.len = cursor.Take<uint32_t>();
  header.type = cursor.Take<uint16_t>();
  header.op = static_cast<Op>(cursor.Take<uint16_t>());
  header.flags = cursor.Take<uint32_t>();
  header.buf_alloc = cursor.Take<uint32_t>();
  header.fwd_cnt = cursor.Take<uint32_t>();
  return header;
}

HeaderBytes SerialiseHeader(const Header& header) {
  HeaderBytes bytes;
  uint8_t* at = bytes.data();
  Put(at, header.src_cid);
  Put(at, header.dst_cid);
  Put(at, header.src_port);
  Put(at, header.dst_port);
  Put(at, header.len);
  Put(at, header.type);
  Put(at, static_cast<uint16_t>(header.op));
  Put(at, header.flags);
  Put(at, header.buf_alloc);
  Put(at, header.fwd_cnt);
  return bytes;
}

}  // namespace vmtest::vsock
