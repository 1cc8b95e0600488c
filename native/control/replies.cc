#include "control/replies.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace vmtest {
namespace {

using Json = nlohmann::json;

// Text that may hold bytes of a guest or of a file name: never fails on what is not UTF-8.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ToJson(const ExitCounts& exits) {
  return {{"io", exits.io},
          {"mmio", exits.mmio},
          {"hlt", exits.hlt},
          {"intr", exits.intr},
          {"other", exits.other}};
}

Json ToJson(const KvmInternalError& error) {
  Json registers = Json::object();
  for (const auto& [name, value] : error.registers) {
    registers[name] = fmt::format("{:#x}", value);
  }
  std::string bytes;
  for (const uint8_t byte : error.rip_bytes) {
    bytes += fmt::format("{:02x}", byte);
  }
  // KVM's data words use all 64 bits, which a JavaScript number does not hold.
  Json data = Json::array();
  for (const uint64_t word : error.data) {
    data.push_back(fmt::format("{:#x}", word));
  }
  return {
      {"suberror", error.suberror}, {"data", data}, {"registers", registers}, {"rip_bytes", bytes}};
}

}  // namespace

std::string FormatHello(std::string_view version, std::string_view arch) {
  return Dump(
      {{"event", "hello"}, {"protocol", kControlProtocol}, {"version", version}, {"arch", arch}});
}

std::string FormatOk(uint64_t id) { return Dump({{"reply", id}, {"ok", Json::object()}}); }

std::string FormatOkStream(uint64_t id) { return Dump({{"reply", id}, {"ok", {{"stream", 0}}}}); }

std::string FormatOkStatistics(uint64_t id, const Statistics& statistics) {
  ExitCounts sum;
  Json vcpus = Json::array();
  for (const ExitCounts& exits : statistics.vcpus) {
    vcpus.push_back(ToJson(exits));
    sum.io += exits.io;
    sum.mmio += exits.mmio;
    sum.hlt += exits.hlt;
    sum.intr += exits.intr;
    sum.other += exits.other;
  }
  Json queues = Json::object();
  for (const auto& [name, counts] : statistics.queues) {
    queues[name] = {{"popped", counts.popped},
                    {"pushed", counts.pushed},
                    {"notified", counts.notified},
                    {"signalled", counts.signalled}};
  }
  const VsockCounts& vsock = statistics.vsock;
  return Dump({{"reply", id},
               {"ok",
                {{"exits", ToJson(sum)},
                 {"vcpus", vcpus},
                 {"queues", queues},
                 {"vsock",
                  {{"connections", vsock.connections},
                   {"rx_bytes", vsock.rx_bytes},
                   {"tx_bytes", vsock.tx_bytes},
                   {"resets", vsock.resets}}}}}});
}

std::string FormatError(uint64_t id, const Error& error) {
  Json body = {{"code", ErrorCodeName(error.code)}, {"message", error.message}};
  if (!error.subject.empty()) {
    body["subject"] = error.subject;
  }
  return Dump({{"reply", id}, {"error", body}});
}

std::string FormatVsockAccept(uint32_t port, uint32_t peer_port) {
  return Dump({{"event", "vsock-accept"}, {"port", port}, {"peer_port", peer_port}, {"stream", 0}});
}

std::string FormatPanicked() { return Dump({{"event", "panicked"}}); }

std::string FormatLog(LogLevel level, std::string_view message) {
  return Dump({{"event", "log"},
               {"level", level == LogLevel::kWarning ? "warning" : "error"},
               {"message", message}});
}

std::string FormatEnded(const GuestEnd& end) {
  Json reason = Json::object();
  if (const auto* reset = std::get_if<ResetRequested>(&end)) {
    reason["by"] = ResetSourceName(reset->source);
  } else if (const auto* debug = std::get_if<DebugExited>(&end)) {
    reason["code"] = debug->code;
  } else if (const auto* internal = std::get_if<KvmInternalError>(&end)) {
    reason = ToJson(*internal);
  } else if (const auto* entry = std::get_if<EntryFailure>(&end)) {
    reason["hardware_reason"] = fmt::format("{:#x}", entry->hardware_reason);
  } else if (const auto* host = std::get_if<HostError>(&end)) {
    reason["code"] = ErrorCodeName(host->error.code);
    reason["message"] = host->error.message;
  }
  reason["kind"] = GuestEndKind(end);
  return Dump({{"event", "ended"}, {"reason", reason}});
}

}  // namespace vmtest
