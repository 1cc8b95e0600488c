#include "vhost_user/message.h"

#include <fmt/format.h>

#include "base/state.h"

namespace vmtest::vhost_user {
namespace {

// Flags of a header.
constexpr uint32_t kVersionMask = 3;
constexpr uint32_t kVersion = 1;
constexpr uint32_t kReply = 4;
constexpr uint32_t kNeedReply = 8;

// The u64 of SET_VRING_KICK, CALL and ERR.
constexpr uint64_t kVringIndexMask = 0xff;
constexpr uint64_t kVringNoDescriptor = 0x100;

tl::unexpected<Error> Broken(RequestType type, std::string_view what) {
  return Fail(ErrorCode::kProtocol,
              fmt::format("the vhost-user front-end sent {} {}", RequestName(type), what));
}

// One message's payload. What was not read is missed at the end, what was not there too.
struct Reader {
  RequestType type;
  StateReader in;

  template <typename T>
  Result<Message> Finish(T message) {
    if (!in.AtEnd()) {
      return Broken(type, "with a payload of the wrong size");
    }
    return Message(std::move(message));
  }
};

Result<Message> ReadMemTable(Reader& reader, std::vector<UniqueFd> descriptors) {
  const uint32_t count = reader.in.U32();
  reader.in.U32();  // padding
  if (count > kMaxRegions) {
    return Broken(reader.type, fmt::format("with more than {} regions", kMaxRegions));
  }
  if (count != descriptors.size()) {
    return Broken(reader.type,
                  fmt::format("of {} regions with {} descriptors", count, descriptors.size()));
  }
  SetMemTable table;
  for (UniqueFd& file : descriptors) {
    MemoryPiece piece;
    piece.guest = reader.in.U64();
    piece.size = reader.in.U64();
    piece.user = reader.in.U64();
    piece.offset = reader.in.U64();
    piece.file = std::move(file);
    table.pieces.push_back(std::move(piece));
  }
  return reader.Finish(std::move(table));
}

Result<Message> ReadVringAddr(Reader& reader) {
  SetVringAddr message{};
  message.ring = reader.in.U32();
  const uint32_t flags = reader.in.U32();
  message.descriptors = reader.in.U64();
  message.used = reader.in.U64();
  message.available = reader.in.U64();
  reader.in.U64();  // where to log writes to the used ring
  if (flags != 0) {
    return Broken(reader.type, "with flags that were not negotiated");
  }
  return reader.Finish(message);
}

Result<Message> ReadVringBase(Reader& reader) {
  const uint32_t ring = reader.in.U32();
  const uint32_t base = reader.in.U32();
  if (base > UINT16_MAX) {
    return Broken(reader.type, "with a base that no split ring can have");
  }
  return reader.Finish(SetVringBase{.ring = ring, .base = static_cast<uint16_t>(base)});
}

Result<Message> ReadVringEnable(Reader& reader) {
  const uint32_t ring = reader.in.U32();
  const uint32_t enable = reader.in.U32();
  if (enable > 1) {
    return Broken(reader.type, "with neither 0 nor 1");
  }
  return reader.Finish(SetVringEnable{.ring = ring, .enable = enable == 1});
}

template <typename T>
Result<Message> ReadVringEvent(Reader& reader, std::vector<UniqueFd> descriptors) {
  const uint64_t value = reader.in.U64();
  if ((value & ~(kVringIndexMask | kVringNoDescriptor)) != 0) {
    return Broken(reader.type, "with unknown bits");
  }
  const size_t expected = (value & kVringNoDescriptor) != 0 ? 0 : 1;
  if (descriptors.size() != expected) {
    return Broken(reader.type,
                  fmt::format("with {} descriptors instead of {}", descriptors.size(), expected));
  }
  T message{.ring = static_cast<uint32_t>(value & kVringIndexMask), .event = UniqueFd()};
  if (expected == 1) {
    message.event = std::move(descriptors.front());
  }
  return reader.Finish(std::move(message));
}

// struct vhost_user_config: offset, size, flags, and then always `size` bytes, in both directions.
Result<Message> ReadConfig(Reader& reader) {
  const uint32_t offset = reader.in.U32();
  const uint32_t size = reader.in.U32();
  const uint32_t flags = reader.in.U32();
  if (size == 0 || size > kMaxConfig) {
    return Broken(reader.type, fmt::format("of {} bytes", size));
  }
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) {
    byte = reader.in.U8();
  }
  if (reader.type == RequestType::kSetConfig) {
    return reader.Finish(SetConfig{.offset = offset, .bytes = std::move(bytes)});
  }
  return reader.Finish(GetConfig{.offset = offset, .size = size, .flags = flags});
}

// Messages that never come with descriptors.
Result<Message> ReadPlain(Reader& reader) {
  StateReader& in = reader.in;
  switch (reader.type) {
    case RequestType::kGetFeatures:
      return reader.Finish(GetFeatures{});
    case RequestType::kSetFeatures:
      return reader.Finish(SetFeatures{.features = in.U64()});
    case RequestType::kSetOwner:
      return reader.Finish(SetOwner{});
    case RequestType::kResetOwner:
      return reader.Finish(ResetOwner{});
    case RequestType::kGetProtocolFeatures:
      return reader.Finish(GetProtocolFeatures{});
    case RequestType::kSetProtocolFeatures:
      return reader.Finish(SetProtocolFeatures{.features = in.U64()});
    case RequestType::kSetVringNum: {
      const uint32_t ring = in.U32();
      return reader.Finish(SetVringNum{.ring = ring, .size = in.U32()});
    }
    case RequestType::kSetVringAddr:
      return ReadVringAddr(reader);
    case RequestType::kSetVringBase:
      return ReadVringBase(reader);
    case RequestType::kGetVringBase: {
      const uint32_t ring = in.U32();
      in.U32();  // means nothing in this direction
      return reader.Finish(GetVringBase{.ring = ring});
    }
    case RequestType::kSetVringEnable:
      return ReadVringEnable(reader);
    case RequestType::kGetConfig:
    case RequestType::kSetConfig:
      return ReadConfig(reader);
    case RequestType::kResetDevice:
      return reader.Finish(ResetDevice{});
    default:
      return Broken(reader.type, "which is not supported");
  }
}

std::vector<uint8_t> WithHeader(RequestType type, const StateWriter& payload) {
  StateWriter message;
  message.U32(static_cast<uint32_t>(type));
  message.U32(kVersion | kReply);
  message.U32(static_cast<uint32_t>(payload.bytes().size()));
  std::vector<uint8_t> bytes = message.bytes();
  bytes.insert(bytes.end(), payload.bytes().begin(), payload.bytes().end());
  return bytes;
}

}  // namespace

std::string RequestName(RequestType type) {
  switch (type) {
    case RequestType::kGetFeatures:
      return "GET_FEATURES";
    case RequestType::kSetFeatures:
      return "SET_FEATURES";
    case RequestType::kSetOwner:
      return "SET_OWNER";
    case RequestType::kResetOwner:
      return "RESET_OWNER";
    case RequestType::kSetMemTable:
      return "SET_MEM_TABLE";
    case RequestType::kSetVringNum:
      return "SET_VRING_NUM";
    case RequestType::kSetVringAddr:
      return "SET_VRING_ADDR";
    case RequestType::kSetVringBase:
      return "SET_VRING_BASE";
    case RequestType::kGetVringBase:
      return "GET_VRING_BASE";
    case RequestType::kSetVringKick:
      return "SET_VRING_KICK";
    case RequestType::kSetVringCall:
      return "SET_VRING_CALL";
    case RequestType::kSetVringErr:
      return "SET_VRING_ERR";
    case RequestType::kGetProtocolFeatures:
      return "GET_PROTOCOL_FEATURES";
    case RequestType::kSetProtocolFeatures:
      return "SET_PROTOCOL_FEATURES";
    case RequestType::kSetVringEnable:
      return "SET_VRING_ENABLE";
    case RequestType::kGetConfig:
      return "GET_CONFIG";
    case RequestType::kSetConfig:
      return "SET_CONFIG";
    case RequestType::kResetDevice:
      return "RESET_DEVICE";
  }
  return fmt::format("message {}", static_cast<uint32_t>(type));
}

Result<Header> ParseHeader(std::span<const uint8_t, kHeaderSize> bytes) {
  StateReader in(bytes);
  const auto type = static_cast<RequestType>(in.U32());
  const uint32_t flags = in.U32();
  const uint32_t size = in.U32();
  if ((flags & kVersionMask) != kVersion || (flags & ~(kVersionMask | kNeedReply)) != 0) {
    return Broken(type, fmt::format("with the header flags {:#x}", flags));
  }
  if (size > kMaxPayload) {
    return Broken(type, fmt::format("with a payload of {} bytes", size));
  }
  return Header{.type = type, .wants_ack = (flags & kNeedReply) != 0, .size = size};
}

Result<Message> ParseMessage(const Header& header, std::span<const uint8_t> payload,
                             std::vector<UniqueFd> descriptors) {
  Reader reader{.type = header.type, .in = StateReader(payload)};
  switch (header.type) {
    case RequestType::kSetMemTable:
      return ReadMemTable(reader, std::move(descriptors));
    case RequestType::kSetVringKick: {
      auto message = ReadVringEvent<SetVringKick>(reader, std::move(descriptors));
      if (message && !std::get<SetVringKick>(*message).event) {
        return Broken(header.type, "without a descriptor: polling is not supported");
      }
      return message;
    }
    case RequestType::kSetVringCall:
      return ReadVringEvent<SetVringCall>(reader, std::move(descriptors));
    case RequestType::kSetVringErr:
      return ReadVringEvent<SetVringErr>(reader, std::move(descriptors));
    default:
      if (!descriptors.empty()) {
        return Broken(header.type, "with a descriptor that it does not take");
      }
      return ReadPlain(reader);
  }
}

std::vector<uint8_t> FormatNumber(RequestType type, uint64_t value) {
  StateWriter payload;
  payload.U64(value);
  return WithHeader(type, payload);
}

std::vector<uint8_t> FormatVringBase(uint32_t ring, uint16_t base) {
  StateWriter payload;
  payload.U32(ring);
  payload.U32(base);
  return WithHeader(RequestType::kGetVringBase, payload);
}

std::vector<uint8_t> FormatConfig(const GetConfig& request, std::span<const uint8_t> bytes) {
  StateWriter payload;
  payload.U32(request.offset);
  payload.U32(request.size);
  payload.U32(request.flags);
  for (const uint8_t byte : bytes) {
    payload.U8(byte);
  }
  return WithHeader(RequestType::kGetConfig, payload);
}

}  // namespace vmtest::vhost_user
