// Random register accesses on the MMIO transport, of every width, mixed with whole bring-ups, guest
// memory and saved states: the device is only ever called in the states that its interface names.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>

#include "base/check.h"
#include "testing/mmio_driver.h"
#include "virtio/mmio_registers.h"
#include "virtio/mmio_transport.h"
#include "virtio/rng/rng_device.h"

namespace vmtest {
namespace {

constexpr uint64_t kMemory = 64 * kKiB;
constexpr uint64_t kFeatures = kFeatureVersion1 | kFeatureEventIndex | kFeatureIndirectDescriptors;

// The entropy device behind a guard that knows the state diagram of virtio/device.h.
class GuardedDevice final : public VirtioDevice {
 public:
  VirtioType type() const override { return rng_.type(); }
  uint64_t features() const override { return rng_.features(); }
  std::span<const uint16_t> queue_sizes() const override { return rng_.queue_sizes(); }
  void ReadConfig(uint64_t offset, std::span<uint8_t> data) override {
    rng_.ReadConfig(offset, data);
  }
  void WriteConfig(uint64_t offset, std::span<const uint8_t> data) override {
    rng_.WriteConfig(offset, data);
  }
  Result<> Activate(const VirtioActivation& activation) override {
    VMTEST_CHECK(!active_);
    VMTEST_CHECK((activation.features & kFeatureVersion1) != 0);
    VMTEST_CHECK((activation.features & ~kFeatures) == 0);
    active_ = true;
    return rng_.Activate(activation);
  }
  void OnQueueNotify(uint16_t index) override {
    VMTEST_CHECK(active_ && !paused_ && index == 0);
    rng_.OnQueueNotify(index);
  }
  void Reset() override {
    active_ = false;
    rng_.Reset();
  }
  void Pause() override {
    paused_ = true;
    rng_.Pause();
  }
  void Resume() override {
    paused_ = false;
    rng_.Resume();
  }
  void Save(StateWriter& writer) const override { rng_.Save(writer); }
  void Load(StateReader& reader) override {
    VMTEST_CHECK(!active_);
    rng_.Load(reader);
  }

 private:
  RngDevice rng_;
  bool active_ = false;
  bool paused_ = false;
};

struct Machine {
  explicit Machine(const GuestMemory& memory) {
    loop = EventLoop::Create().value();
    transport = MmioTransport::Create(device, *loop, memory, EventFd::Create().value()).value();
  }
  GuardedDevice device;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<MmioTransport> transport;
};

void BringUp(MmioDriver& driver, FuzzedDataProvider& in) {
  driver.Write32(mmio::kStatus, 0);
  driver.Negotiate(in.ConsumeBool() ? kFeatures : kFeatureVersion1);
  driver.SetUpQueue(0, {.size = static_cast<uint16_t>(1u << in.ConsumeIntegralInRange(0, 7)),
                        .descriptors = 0,
                        .available = 0x1000,
                        .used = 0x1800,
                        .event_index = false,
                        .indirect = false});
  driver.DriverOk();
}

}  // namespace
}  // namespace vmtest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmtest;
  FuzzedDataProvider in(data, size);
  static const GuestMemory memory =
      GuestMemory::Create(std::array<GuestMemory::Range, 1>{{{0, kMemory}}}).value();
  std::ranges::fill(memory.Bytes(0, kMemory).value(), uint8_t{0});
  auto machine = std::make_unique<Machine>(memory);
  bool paused = false;
  while (in.remaining_bytes() > 0) {
    MmioDriver driver(*machine->transport);
    switch (in.ConsumeIntegralInRange(0, 9)) {
      case 0: {
        std::vector<uint8_t> bytes(in.ConsumeIntegralInRange<size_t>(1, 8));
        machine->transport->Read(
            in.ConsumeIntegralInRange<uint64_t>(0, mmio::kRangeSize - bytes.size()), bytes);
        break;
      }
      case 1: {
        const uint64_t at = in.ConsumeIntegralInRange<uint64_t>(0, mmio::kRangeSize - 8);
        auto bytes = in.ConsumeBytes<uint8_t>(in.ConsumeIntegralInRange<size_t>(1, 8));
        machine->transport->Write(at, bytes);
        break;
      }
      case 2:
        driver.Write32(4 * in.ConsumeIntegralInRange<uint64_t>(0, 63),
                       in.ConsumeIntegral<uint32_t>());
        break;
      case 3:
        driver.AddStatus(1u << in.ConsumeIntegralInRange(0, 7));
        break;
      case 4:
        if (!paused) {
          BringUp(driver, in);
        }
        break;
      case 5: {
        const auto bytes = in.ConsumeBytes<uint8_t>(in.ConsumeIntegralInRange<size_t>(0, 64));
        static_cast<void>(memory.WriteBytes(in.ConsumeIntegralInRange<uint64_t>(0, 0x2000), bytes));
        break;
      }
      case 6:
        driver.Notify(in.ConsumeIntegralInRange<uint16_t>(0, 2));
        machine->loop->RunOnce(0);
        break;
      case 7:
        driver.TakeInterrupts();
        break;
      case 8:
        paused = !paused;
        paused ? machine->transport->Pause() : machine->transport->Resume();
        break;
      case 9: {
        // Into another machine, now and then with damage.
        if (!paused) {
          machine->transport->Pause();
        }
        StateWriter writer;
        machine->transport->Save(writer);
        std::vector<uint8_t> bytes = writer.bytes();
        if (in.ConsumeBool()) {
          bytes[in.ConsumeIntegralInRange<size_t>(0, bytes.size() - 1)] =
              in.ConsumeIntegral<uint8_t>();
        }
        auto twin = std::make_unique<Machine>(memory);
        twin->transport->Pause();
        StateReader reader(bytes);
        if (twin->transport->Load(reader)) {
          machine = std::move(twin);
        }
        machine->transport->Resume();
        paused = false;
        break;
      }
    }
  }
  return 0;
}
