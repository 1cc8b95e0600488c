// What a front-end, or the guest behind it, must not be able to do to us.
#include <sys/mman.h>
#include <unistd.h>

#include "vhost_user/backend_fixture.h"

namespace vmtest::vhost_user {
namespace {

using ::testing::HasSubstr;

StateWriter Piece(uint64_t guest, uint64_t size, uint64_t user, uint64_t offset) {
  StateWriter table;
  table.U32(1);
  table.U32(0);
  for (const uint64_t number : {guest, size, user, offset}) {
    table.U64(number);
  }
  return table;
}

TEST_F(BackendTest, MemoryThatCouldBeASigbusIsRefused) {
  constexpr uint64_t kPage = 4096;
  constexpr uint64_t kTop = UINT64_MAX - kPage + 1;
  struct Case {
    const char* what;
    int seals;
    uint64_t guest, size, user, offset;
    ErrorCode code;
  };
  const Case cases[] = {
      {"unsealed", 0, 0, kPage, 0, 0, ErrorCode::kUnsupported},
      {"sealed against growing", F_SEAL_GROW, 0, kPage, 0, 0, ErrorCode::kUnsupported},
      {"too large", F_SEAL_SHRINK, 0, 3 * kPage, 0, 0, ErrorCode::kInvalidArgument},
      {"past the end", F_SEAL_SHRINK, 0, 2 * kPage, 0, kPage, ErrorCode::kInvalidArgument},
      {"empty", F_SEAL_SHRINK, 0, 0, 0, 0, ErrorCode::kInvalidArgument},
      {"half a page", F_SEAL_SHRINK, 0, kPage / 2, 0, 0, ErrorCode::kInvalidArgument},
      {"odd offset", F_SEAL_SHRINK, 0, kPage, 0, 1, ErrorCode::kInvalidArgument},
      {"odd address", F_SEAL_SHRINK, 1, kPage, 0, 0, ErrorCode::kInvalidArgument},
      {"wraps in the guest", F_SEAL_SHRINK, kTop, 2 * kPage, 0, 0, ErrorCode::kInvalidArgument},
      {"wraps in the front-end", F_SEAL_SHRINK, 0, 2 * kPage, kTop, 0, ErrorCode::kInvalidArgument},
      {"wraps in the file", F_SEAL_SHRINK, 0, 2 * kPage, 0, kTop, ErrorCode::kInvalidArgument},
      {"huge", F_SEAL_SHRINK, 0, kTop, 0, 0, ErrorCode::kInvalidArgument},
  };
  for (const Case& c : cases) {
    Attach();
    const UniqueFd file = MakeMemfd(2 * kPage, c.seals);
    front_->Send(RequestType::kSetMemTable, Piece(c.guest, c.size, c.user, c.offset), {file.get()});
    Settle();
    ASSERT_EQ(events_.ends, 1) << c.what;
    EXPECT_EQ(events_.error->code, c.code) << c.what << ": " << events_.error->message;
  }
}

TEST_F(BackendTest, TheErrorNamesTheMend) {
  const UniqueFd file = MakeMemfd(4096, 0);
  front_->Send(RequestType::kSetMemTable, Piece(0, 4096, 0, 0), {file.get()});
  Settle();
  EXPECT_THAT(events_.error->message, HasSubstr("-object memory-backend-memfd"));
  EXPECT_TRUE(front_->Closed());
}

TEST_F(BackendTest, OverlapsAreRefused) {
  for (const uint64_t guest : {uint64_t{0}, uint64_t{8192}}) {
    Attach();
    StateWriter table;
    table.U32(2);
    table.U32(0);
    for (const uint64_t number :
         {uint64_t{0}, uint64_t{8192}, uint64_t{0}, uint64_t{0}, guest, uint64_t{8192},
          uint64_t{guest == 0 ? 8192u : 4096u}, uint64_t{0}}) {
      table.U64(number);
    }
    front_->Send(RequestType::kSetMemTable, table, {front_->memory_file(), front_->memory_file()});
    Settle();
    ASSERT_EQ(events_.ends, 1);
    EXPECT_THAT(events_.error->message, HasSubstr("overlap"));
  }
}

// Every message of a start, cut off at every byte, or the end between two.
TEST_F(BackendTest, TheFrontEndMayGoAtAnyByte) {
  const std::vector<std::vector<uint8_t>> messages = {
      FakeFrontEnd::Bytes(RequestType::kSetFeatures,
                          FakeFrontEnd::Number(FakeFrontEnd::kAllFeatures)),
      FakeFrontEnd::Bytes(RequestType::kSetMemTable, FakeFrontEnd::MemTable()),
      FakeFrontEnd::Bytes(RequestType::kSetVringAddr, front_->Addresses(0)),
      FakeFrontEnd::Bytes(RequestType::kSetVringKick, FakeFrontEnd::Number(0)),
      FakeFrontEnd::Bytes(RequestType::kGetVringBase, FakeFrontEnd::RingNumber(1, 0)),
  };
  for (const auto& message : messages) {
    for (size_t size = 1; size < message.size(); ++size) {
      Attach();
      Start();
      const int fd = front_->memory_file();
      front_->SendBytes(std::span(message).first(size), {fd});
      front_->Hang();
      Settle();
      ASSERT_EQ(events_.ends, 1);
      // A header that takes no descriptor is told before the end is seen; the rest is an end.
      EXPECT_FALSE(backend_->running());
    }
  }
}

TEST_F(BackendTest, MessagesMayComeByteByByte) {
  const auto bytes = FakeFrontEnd::Bytes(RequestType::kSetMemTable, FakeFrontEnd::MemTable());
  for (size_t i = 0; i < bytes.size(); ++i) {
    front_->SendBytes(std::span(bytes).subspan(i, 1),
                      i == 20 ? std::vector<int>{front_->memory_file()} : std::vector<int>{});
    loop_->RunOnce(0);
  }
  front_->Send(RequestType::kGetFeatures);
  Settle();
  EXPECT_EQ(events_.ends, 0);
  EXPECT_FALSE(front_->Receive().empty());
}

TEST_F(BackendTest, EventsMustBeEventfds) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd memfd = MakeMemfd(4096, 0);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  for (const auto type :
       {RequestType::kSetVringKick, RequestType::kSetVringCall, RequestType::kSetVringErr}) {
    for (const int fd : {null.get(), memfd.get(), reading.get(), writing.get()}) {
      Attach();
      front_->Send(type, FakeFrontEnd::Number(0), {fd});
      Settle();
      ASSERT_EQ(events_.ends, 1);
      EXPECT_EQ(events_.error->code, ErrorCode::kInvalidArgument);
    }
  }
}

TEST_F(BackendTest, AFullCallDoesNotBlock) {
  Start();
  const uint64_t full = UINT64_MAX - 1;
  front_->call(0).Drain();
  ASSERT_EQ(::write(front_->call(0).fd(), &full, sizeof(full)), ssize_t{sizeof(full)});
  EXPECT_GE(Open(), 0);
}

TEST_F(BackendTest, BadRingsAreTheGuestsAffair) {
  struct Case {
    uint32_t size;
    uint64_t shift;  // of the descriptor table
  };
  for (const Case& c : {Case{0, 0}, Case{3, 0}, Case{UINT32_MAX, 0}, Case{65536 + 64, 0},
                        Case{64, 1}, Case{64, FakeFrontEnd::kMemory},
                        Case{64, FakeFrontEnd::kMemory - 16}, Case{64, UINT64_MAX / 2}}) {
    Attach();
    Start();
    ASSERT_TRUE(backend_->running());
    front_->Send(RequestType::kSetVringNum, FakeFrontEnd::RingNumber(0, c.size));
    const QueueConfig& config = front_->driver(0).config();
    StateWriter addresses;
    addresses.U32(0);
    addresses.U32(0);
    addresses.U64(FakeFrontEnd::kUser + config.descriptors + c.shift);
    addresses.U64(FakeFrontEnd::kUser + config.used);
    addresses.U64(FakeFrontEnd::kUser + config.available);
    addresses.U64(0);
    front_->Send(RequestType::kSetVringAddr, addresses);
    Settle();
    EXPECT_FALSE(backend_->running()) << c.size << " " << c.shift;
    EXPECT_EQ(events_.troubles.size(), 1u);
    EXPECT_EQ(events_.ends, 0);
  }
}

TEST_F(BackendTest, ABrokenDriverIsServedAgainOnlyAfterAReset) {
  Start();
  const int host = Open();
  front_->driver(1).PublishHead(60000);
  Kick(1);
  ASSERT_EQ(events_.troubles.size(), 1u);
  EXPECT_THAT(events_.troubles[0], HasSubstr("needs a reset"));
  EXPECT_EQ(HostRead(host), "<end>");
  const auto [rx, tx] = Stop();
  Start(rx, tx);
  EXPECT_FALSE(backend_->running());
  front_->NewDriver();
  Stop();
  Start();
  EXPECT_TRUE(backend_->running());
  EXPECT_GE(Open(), 0);
}

TEST_F(BackendTest, ALegacyDriverIsToldApart) {
  front_->Start();
  Settle();
  front_->Send(RequestType::kSetFeatures, FakeFrontEnd::Number(kFeatureProtocol));
  Settle();
  EXPECT_FALSE(backend_->running());
  ASSERT_EQ(events_.troubles.size(), 1u);
  EXPECT_THAT(events_.troubles[0], HasSubstr("force-legacy=false"));
}

TEST_F(BackendTest, WhatWasNotOfferedIsRefused) {
  for (const auto type : {RequestType::kSetFeatures, RequestType::kSetProtocolFeatures}) {
    Attach();
    front_->Send(type, FakeFrontEnd::Number(uint64_t{1} << 26));
    Settle();
    ASSERT_EQ(events_.ends, 1);
    EXPECT_EQ(events_.error->code, ErrorCode::kProtocol);
  }
}

TEST_F(BackendTest, TooManyDescriptorsEndItAndLeakNone) {
  const auto count = [] {
    size_t open = 0;
    for (int fd = 0; fd < 512; ++fd) {
      open += ::fcntl(fd, F_GETFD) >= 0 ? size_t{1} : size_t{0};
    }
    return open;
  };
  const size_t before = count();
  // In one piece, and nine over nine pieces of one message.
  front_->SendBytes(std::array<uint8_t, 1>{1}, std::vector<int>(100, front_->memory_file()));
  Settle();
  EXPECT_EQ(events_.ends, 1);
  EXPECT_EQ(events_.error->code, ErrorCode::kProtocol);
  EXPECT_EQ(count(), before - 1) << "but for the socket";
  Attach();
  for (int i = 0; i < 9; ++i) {
    front_->SendBytes(std::array<uint8_t, 1>{0}, {front_->memory_file()});
  }
  Settle();
  EXPECT_EQ(events_.ends, 1);
}

TEST_F(BackendTest, AFrontEndThatDoesNotReadIsLeft) {
  const auto message = FakeFrontEnd::Bytes(RequestType::kGetFeatures, {});
  for (int i = 0; i < 100000 && events_.ends == 0; ++i) {
    front_->SendBytes(message);
    loop_->RunOnce(0);
  }
  ASSERT_EQ(events_.ends, 1);
  EXPECT_EQ(events_.error->code, ErrorCode::kIo);
}

}  // namespace
}  // namespace vmtest::vhost_user
