// Random requests through the whole block device, on a raw disk and on an overlay in memory: it
// never crashes, never writes where it was not asked to, and never changes an overlay's base.
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "testing/device_harness.h"
#include "virtio/blk/blk_device.h"
#include "virtio/blk/overlay_disk.h"
#include "virtio/blk/raw_disk.h"

namespace vmtest {
namespace {

constexpr uint64_t kDisk = 16 * kKiB + 512;
constexpr uint8_t kBaseByte = 0x77;

struct Header {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
};

UniqueFd MakeFile() {
  UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  const std::vector<uint8_t> bytes(kDisk, kBaseByte);
  VMTEST_CHECK(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(kDisk));
  return fd;
}

Header MakeHeader(FuzzedDataProvider& in) {
  constexpr std::array<uint32_t, 8> kTypes{0, 1, 4, 8, 11, 13, 14, 99};
  return {.type = in.PickValueInArray(kTypes),
          .reserved = in.ConsumeIntegral<uint32_t>(),
          .sector = in.ConsumeBool() ? in.ConsumeIntegralInRange<uint64_t>(0, 40)
                                     : in.ConsumeIntegral<uint64_t>()};
}

void PlaceRequest(FuzzedDataProvider& in, DriverQueue& driver) {
  ChainBuilder chain = driver.Chain();
  if (in.ConsumeBool()) {
    chain.Indirect();
  }
  if (in.ConsumeIntegralInRange(0, 7) != 0) {
    chain.Readable(MakeHeader(in));
  }
  const int segments = in.ConsumeIntegralInRange(0, 5);
  for (int i = 0; i < segments; ++i) {
    switch (in.ConsumeIntegralInRange(0, 5)) {
      case 0:
        chain.Readable(in.ConsumeBytes<uint8_t>(in.ConsumeIntegralInRange<size_t>(0, 64)));
        break;
      case 1:
        chain.Readable(std::vector<uint8_t>(512u * in.ConsumeIntegralInRange<size_t>(0, 20), 0x33));
        break;
      case 2:
        chain.Writable(512u * in.ConsumeIntegralInRange<uint32_t>(0, 20));
        break;
      case 3:
        chain.Writable(in.ConsumeIntegralInRange<uint32_t>(0, 40));
        break;
      case 4:
        chain.Raw(in.ConsumeIntegral<uint64_t>(), in.ConsumeIntegral<uint32_t>(),
                  in.ConsumeIntegralInRange<uint16_t>(0, 3));
        break;
      case 5: {
        struct {
          uint64_t sector;
          uint32_t sectors;
          uint32_t flags;
        } const range{.sector = in.ConsumeIntegralInRange<uint64_t>(0, 34),
                      .sectors = in.ConsumeIntegralInRange<uint32_t>(0, 34),
                      .flags = in.ConsumeIntegralInRange<uint32_t>(0, 2)};
        chain.Readable(range);
        break;
      }
    }
  }
  chain.Writable(1).Publish();
}

}  // namespace
}  // namespace vmtest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vmtest;
  FuzzedDataProvider in(data, size);
  const UniqueFd file = MakeFile();
  const bool overlay = in.ConsumeBool();
  const bool read_only = in.ConsumeBool();
  std::unique_ptr<DiskBackend> disk;
  if (overlay) {
    disk = OverlayDisk::Open(file.Duplicate().value(), UniqueFd()).value();
  } else {
    disk = RawDisk::Open(file.Duplicate().value(), read_only).value();
  }
  BlkDevice device(std::move(disk), "fuzz");
  const uint64_t features = in.ConsumeBool() ? device.features() : 0;
  DeviceHarness harness(device,
                        {.features = features, .event_index = in.ConsumeBool(), .area = 1 * kMiB});
  VMTEST_CHECK(harness.Activate().has_value());
  for (int i = 0; i < 20 && in.remaining_bytes() > 0 && !harness.interrupt().failed(); ++i) {
    PlaceRequest(in, harness.driver(0));
    harness.Kick(0);
    for (const UsedBuffer& used : harness.driver(0).TakeAllUsed()) {
      VMTEST_CHECK(used.length <= used.writable.size());
      VMTEST_CHECK(!used.writable.empty() && used.writable.back() <= 2);
    }
  }
  if (overlay || read_only) {
    std::vector<uint8_t> bytes(kDisk + 1);
    VMTEST_CHECK(::pread(file.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(kDisk));
    bytes.pop_back();
    VMTEST_CHECK(std::ranges::all_of(bytes, [](uint8_t byte) { return byte == kBaseByte; }));
  }
  return 0;
}
