// Random memory, descriptors and ring indices under a queue: whatever a driver writes, Pop answers
// with a chain that lies in guest memory or with a QueueError.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>

#include "base/check.h"
#include "memory/guest_memory.h"
#include "virtio/queue.h"

namespace vmtest {
namespace {

constexpr uint64_t kMemory = 64 * kKiB;

bool Inside(const GuestMemory& memory, std::span<const uint8_t> bytes) {
  for (const MemoryRegion& region : memory.regions()) {
    if (bytes.data() >= region.host && bytes.data() + bytes.size() <= region.host + region.size) {
      return true;
    }
  }
  return false;
}

void Use(const GuestMemory& memory, const Chain& chain, uint16_t queue_size) {
  VMTEST_CHECK(chain.readable().size() + chain.writable().size() <= queue_size);
  uint64_t total = 0;
  for (const auto& part : {chain.readable(), chain.writable()}) {
    for (const Segment& segment : part) {
      VMTEST_CHECK(Inside(memory, segment.bytes));
      total += segment.bytes.size();
    }
  }
  VMTEST_CHECK(total == chain.readable_size() + chain.writable_size() && total <= UINT32_MAX);
  std::array<uint8_t, 100> bytes{};
  VMTEST_CHECK(chain.CopyFrom(3, bytes) <= chain.readable_size());
  std::vector<iovec> pieces;
  chain.ReadableIovecs(1, 1000, pieces);
  chain.WritableIovecs(1, 1000, pieces);
  // Last: this may change the rings, as a driver may at any moment.
  VMTEST_CHECK(chain.CopyTo(1, bytes) <= chain.writable_size());
}

}  // namespace
}  // namespace vmtest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmtest;
  // Two regions with a hole; one mapping for all runs, cleaned between them.
  static const GuestMemory memory =
      GuestMemory::Create(std::array<GuestMemory::Range, 2>{{{0, kMemory}, {2 * kMemory, kMemory}}})
          .value();
  FuzzedDataProvider in(data, size);
  const QueueConfig config{
      .size = static_cast<uint16_t>(in.ConsumeBool() ? 1u << in.ConsumeIntegralInRange(0, 15)
                                                     : in.ConsumeIntegral<uint16_t>()),
      .descriptors = in.ConsumeBool() ? 0 : in.ConsumeIntegral<uint64_t>(),
      .available = in.ConsumeBool() ? 0x1000 : in.ConsumeIntegral<uint64_t>(),
      .used = in.ConsumeBool() ? 0x1800 : in.ConsumeIntegral<uint64_t>(),
      .event_index = in.ConsumeBool(),
      .indirect = in.ConsumeBool()};
  const auto steps = in.ConsumeBytes<uint8_t>(in.ConsumeIntegralInRange<size_t>(0, 64));
  const std::vector<uint8_t> content = in.ConsumeRemainingBytes<uint8_t>();
  for (const MemoryRegion& region : memory.regions()) {
    const std::span bytes(region.host, region.size);
    std::ranges::fill(bytes, uint8_t{0});
    std::ranges::copy(std::span(content).first(std::min(content.size(), bytes.size())),
                      bytes.begin());
  }
  Queue queue;
  if (!queue.Enable(memory, config)) {
    return 0;
  }
  std::optional<Chain> last;
  for (const uint8_t step : steps) {
    switch (step % 8) {
      case 0:
      case 1:
      case 2: {
        auto popped = queue.Pop();
        if (popped && popped->has_value()) {
          Use(memory, **popped, config.size);
          last = std::move(**popped);
        }
        break;
      }
      case 3:
        if (last) {
          queue.Push(*last, step);
        }
        break;
      case 4:
        static_cast<void>(queue.ShouldSignal());
        break;
      case 5:
        queue.SuppressNotifications();
        break;
      case 6:
        static_cast<void>(queue.ResumeNotifications());
        break;
      case 7: {
        // The driver goes on: a new available index out of thin air.
        static_cast<void>(memory.Write<uint16_t>(config.available + 2, step));
        break;
      }
    }
  }
  return 0;
}
