#include "vhost_user/message.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>

#include "base/state.h"

namespace vmtest::vhost_user {
namespace {

std::vector<UniqueFd> Descriptors(size_t count) {
  std::vector<UniqueFd> descriptors;
  for (size_t i = 0; i < count; ++i) {
    descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  return descriptors;
}

std::vector<uint8_t> Words(const std::vector<uint32_t>& words) {
  StateWriter writer;
  for (const uint32_t word : words) {
    writer.U32(word);
  }
  return writer.bytes();
}

TEST(VhostUserHeaderTest, TakesWhatAFrontEndMaySend) {
  struct Case {
    uint32_t flags;
    uint32_t size;
    bool fine;
  };
  for (const Case& c : {Case{1, 0, true}, Case{9, 512, true}, Case{0, 0, false}, Case{2, 0, false},
                        Case{3, 0, false}, Case{5, 0, false}, Case{17, 0, false},
                        Case{1, 513, false}, Case{1, UINT32_MAX, false}}) {
    const auto bytes = Words({1, c.flags, c.size});
    const auto header = ParseHeader(std::span(bytes).first<kHeaderSize>());
    EXPECT_EQ(header.has_value(), c.fine) << c.flags << " " << c.size;
    if (header) {
      EXPECT_EQ(header->wants_ack, c.flags == 9);
      EXPECT_EQ(header->size, c.size);
    }
  }
}

TEST(VhostUserMessageTest, EveryMessageHasItsSizeAndItsDescriptors) {
  struct Case {
    RequestType type;
    std::vector<uint32_t> words;
    size_t descriptors;
    bool fine;
  };
  const std::vector<uint32_t> one_region = {1, 0, 0, 0, 4096, 0, 0, 0, 0, 0};
  const std::vector<Case> cases = {
      {RequestType::kGetFeatures, {}, 0, true},
      {RequestType::kGetFeatures, {0}, 0, false},
      {RequestType::kGetFeatures, {}, 1, false},
      {RequestType::kSetFeatures, {1, 2}, 0, true},
      {RequestType::kSetFeatures, {1}, 0, false},
      {RequestType::kSetFeatures, {1, 2, 3}, 0, false},
      {RequestType::kSetMemTable, one_region, 1, true},
      {RequestType::kSetMemTable, one_region, 0, false},
      {RequestType::kSetMemTable, one_region, 2, false},
      {RequestType::kSetMemTable, {0, 0}, 0, true},
      {RequestType::kSetMemTable, {1, 0, 0}, 1, false},
      {RequestType::kSetMemTable, {9, 0}, 8, false},
      {RequestType::kSetMemTable, {UINT32_MAX, 0}, 0, false},
      {RequestType::kSetMemTable, {}, 0, false},
      {RequestType::kSetVringNum, {0, 1024}, 0, true},
      {RequestType::kSetVringNum, {0}, 0, false},
      {RequestType::kSetVringBase, {0, 65535}, 0, true},
      {RequestType::kSetVringBase, {0, 65536}, 0, false},
      {RequestType::kSetVringAddr, {0, 0, 1, 0, 2, 0, 3, 0, 4, 0}, 0, true},
      {RequestType::kSetVringAddr, {0, 1, 1, 0, 2, 0, 3, 0, 4, 0}, 0, false},
      {RequestType::kSetVringAddr, {0, 0, 1, 0, 2, 0, 3, 0, 4}, 0, false},
      {RequestType::kSetVringKick, {1, 0}, 1, true},
      {RequestType::kSetVringKick, {1, 0}, 0, false},
      {RequestType::kSetVringKick, {0x101, 0}, 0, false},
      {RequestType::kSetVringKick, {0x201, 0}, 1, false},
      {RequestType::kSetVringCall, {1, 0}, 1, true},
      {RequestType::kSetVringCall, {1, 0}, 2, false},
      {RequestType::kSetVringCall, {0x101, 0}, 0, true},
      {RequestType::kSetVringCall, {0x101, 0}, 1, false},
      {RequestType::kSetVringErr, {0x100, 0}, 0, true},
      {RequestType::kSetVringErr, {0, 1}, 1, false},
      {RequestType::kSetVringEnable, {0, 1}, 0, true},
      {RequestType::kSetVringEnable, {0, 2}, 0, false},
      {RequestType::kGetConfig, {0, 8, 0, 0, 0}, 0, true},
      {RequestType::kGetConfig, {0, 8, 0, 0}, 0, false},
      {RequestType::kGetConfig, {0, 0, 0}, 0, false},
      {RequestType::kGetConfig, {0, UINT32_MAX, 0}, 0, false},
      {RequestType::kSetConfig, {0, 4, 0, 7}, 0, true},
      {RequestType::kSetConfig, {0, 5, 0, 7}, 0, false},
      {RequestType::kResetDevice, {}, 0, true},
      {static_cast<RequestType>(0), {}, 0, false},
      {static_cast<RequestType>(6), {0, 0, 0, 0}, 1, false},
      {static_cast<RequestType>(17), {}, 0, false},
      {static_cast<RequestType>(UINT32_MAX), {}, 0, false},
  };
  for (const Case& c : cases) {
    const auto payload = Words(c.words);
    const Header header{.type = c.type, .size = static_cast<uint32_t>(payload.size())};
    const auto message = ParseMessage(header, payload, Descriptors(c.descriptors));
    EXPECT_EQ(message.has_value(), c.fine)
        << RequestName(c.type) << " of " << c.words.size() << " words";
    if (!message) {
      EXPECT_EQ(message.error().code, ErrorCode::kProtocol);
    }
  }
}

TEST(VhostUserMessageTest, KeepsTheOrderOfRingAddresses) {
  const auto payload = Words({1, 0, 10, 0, 20, 0, 30, 0, 0, 0});
  const Header header{.type = RequestType::kSetVringAddr, .size = 40};
  const auto message = std::get<SetVringAddr>(ParseMessage(header, payload, {}).value());
  EXPECT_EQ(message.ring, 1u);
  EXPECT_EQ(message.descriptors, 10u);
  EXPECT_EQ(message.used, 20u);
  EXPECT_EQ(message.available, 30u);
}

}  // namespace
}  // namespace vmtest::vhost_user
