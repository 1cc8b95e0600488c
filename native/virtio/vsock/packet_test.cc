#include "virtio/vsock/packet.h"

#include <gtest/gtest.h>

namespace vmtest::vsock {
namespace {

TEST(VsockPacket, EveryFieldIsWhereTheSpecificationPutsIt) {
  HeaderBytes bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(i + 1);
  }
  const Header header = ParseHeader(bytes);
  EXPECT_EQ(header.src_cid, 0x0807060504030201u);
  EXPECT_EQ(header.dst_cid, 0x100f0e0d0c0b0a09u);
  EXPECT_EQ(header.src_port, 0x14131211u);
  EXPECT_EQ(header.dst_port, 0x18171615u);
  EXPECT_EQ(header.len, 0x1c1b1a19u);
  EXPECT_EQ(header.type, 0x1e1du);
  EXPECT_EQ(static_cast<uint16_t>(header.op), 0x201fu);
  EXPECT_EQ(header.flags, 0x24232221u);
  EXPECT_EQ(header.buf_alloc, 0x28272625u);
  EXPECT_EQ(header.fwd_cnt, 0x2c2b2a29u);
  EXPECT_EQ(SerialiseHeader(header), bytes);
}

}  // namespace
}  // namespace vmtest::vsock
