// What no driver does: every width at every offset, random sequences, damaged state, many threads.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "devices/all_devices.h"
#include "devices/device_test_util.h"

namespace vmtest {
namespace {

constexpr std::array<size_t, 5> kWidths = {0, 1, 2, 4, 8};

TEST(HostileAccessTest, EveryWidthAtEveryOffsetIsItsBytesInOrder) {
  // Of two machines that were treated the same, one sees wide accesses and one sees bytes.
  for (const uint8_t seed : {uint8_t{0x00}, uint8_t{0x01}, uint8_t{0x5a}, uint8_t{0xff}}) {
    AllDevices wide;
    AllDevices narrow;
    for (size_t d = 0; d < wide.entries().size(); ++d) {
      const AllDevices::Entry& entry = wide.entries()[d];
      if (!entry.bytewise) {
        continue;
      }
      Device& bytewise = *narrow.entries()[d].device;
      for (uint64_t offset = 0; offset < entry.size; ++offset) {
        for (const size_t width : kWidths) {
          SCOPED_TRACE(::testing::Message() << entry.name << " +" << offset << " x" << width);
          std::vector<uint8_t> data(width);
          for (size_t i = 0; i < width; ++i) {
            data[i] = static_cast<uint8_t>(seed + i * 37);
            Out(bytewise, offset + i, data[i]);
          }
          entry.device->Write(offset, data);
          std::vector<uint8_t> read(width, 0xa5);
          entry.device->Read(offset, read);
          for (size_t i = 0; i < width; ++i) {
            ASSERT_EQ(read[i], In(bytewise, offset + i));
          }
          ASSERT_EQ(SaveState(*entry.device), SaveState(bytewise));
        }
      }
    }
    EXPECT_EQ(wide.sent(), narrow.sent());
    EXPECT_EQ(wide.calls(), narrow.calls());
  }
}

TEST(HostileAccessTest, OffsetsFarOutsideAreDefined) {
  AllDevices devices;
  for (const auto& entry : devices.entries()) {
    for (const uint64_t offset : {entry.size, uint64_t{1} << 32, UINT64_MAX - 3}) {
      std::array<uint8_t, 8> data{};
      entry.device->Read(offset, data);
      entry.device->Write(offset, data);
    }
  }
}

TEST(HostileAccessTest, RandomSequencesKeepStateLoadable) {
  std::mt19937 random(20'260'101);
  AllDevices devices;
  for (int round = 0; round < 200'000; ++round) {
    const auto& entry = devices.entries()[random() % devices.entries().size()];
    std::array<uint8_t, 8> data{};
    for (uint8_t& byte : data) {
      byte = static_cast<uint8_t>(random());
    }
    const auto access = std::span(data).first(kWidths[random() % kWidths.size()]);
    const uint64_t offset = random() % entry.size;
    if ((random() & 1) != 0) {
      entry.device->Write(offset, access);
    } else {
      entry.device->Read(offset, access);
    }
    if (random() % 16 == 0) {
      ASSERT_LE(devices.serial().Receive(data), data.size());
      ASSERT_LE(devices.pl011().Receive(data), data.size());
    }
    if (random() % 1024 == 0) {
      ASSERT_TRUE(LoadState(*entry.device, SaveState(*entry.device))) << entry.name;
    }
  }
  EXPECT_GT(devices.sent(), 0U);
  EXPECT_GT(devices.calls(), 0U);
}

TEST(HostileAccessTest, StateThatIsDamagedIsRefusedAndHarmless) {
  std::mt19937 random(7);
  AllDevices donor;
  for (size_t d = 0; d < donor.entries().size(); ++d) {
    SCOPED_TRACE(donor.entries()[d].name);
    const auto good = SaveState(*donor.entries()[d].device);
    for (size_t length = 0; length < good.size(); ++length) {
      AllDevices devices;
      EXPECT_FALSE(LoadState(*devices.entries()[d].device,
                             {good.begin(), good.begin() + static_cast<long>(length)}));
    }
    auto wrong_version = good;
    wrong_version[0] = 99;
    AllDevices fresh;
    EXPECT_FALSE(LoadState(*fresh.entries()[d].device, wrong_version));
    for (int round = 0; round < 2'000; ++round) {
      auto bad = good;
      bad[random() % bad.size()] = static_cast<uint8_t>(random());
      AllDevices devices;
      Device& device = *devices.entries()[d].device;
      LoadState(device, bad);
      EXPECT_TRUE(LoadState(device, SaveState(device)));
      for (uint64_t offset = 0; offset < devices.entries()[d].size; ++offset) {
        In(device, offset);
        Out(device, offset, bad[0]);
      }
    }
  }
}

// Meant for the thread sanitizer; elsewhere it shows at least that nothing deadlocks.
TEST(HostileAccessTest, ManyVcpusAtOnce) {
  AllDevices devices;
  std::vector<std::thread> vcpus;
  for (unsigned id = 0; id < 4; ++id) {
    vcpus.emplace_back([&devices, id] {
      std::mt19937 random(id);
      for (int round = 0; round < 20'000; ++round) {
        const auto& entry = devices.entries()[random() % devices.entries().size()];
        std::array<uint8_t, 4> data{};
        data[0] = static_cast<uint8_t>(random());
        const auto access = std::span(data).first(size_t{1} << (random() % 3));
        if ((random() & 1) != 0) {
          entry.device->Write(random() % entry.size, access);
        } else {
          entry.device->Read(random() % entry.size, access);
        }
      }
    });
  }
  std::thread host([&devices] {
    const std::array<uint8_t, 5> input{1, 2, 3, 4, 5};
    for (int round = 0; round < 20'000; ++round) {
      ASSERT_LE(devices.serial().Receive(input), input.size());
      ASSERT_LE(devices.pl011().Receive(input), input.size());
      for (const auto& entry : devices.entries()) {
        SaveState(*entry.device);
      }
    }
  });
  for (std::thread& vcpu : vcpus) {
    vcpu.join();
  }
  host.join();
}

}  // namespace
}  // namespace vmtest
