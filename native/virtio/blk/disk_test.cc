// The backends, on real files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <random>
#include <string>

#include "virtio/blk/overlay_disk.h"
#include "virtio/blk/raw_disk.h"

namespace vmtest {
namespace {

using ::testing::HasSubstr;

class DiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "vmtest-disk-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = name + "/disk";
  }
  void TearDown() override {
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }

  // A file whose every sector says which one it is.
  void MakeFile(uint64_t size) {
    content_.resize(size);
    for (uint64_t i = 0; i < size; ++i) {
      content_[i] = static_cast<uint8_t>(i / 512 * 7 + i % 13 + 1);
    }
    const UniqueFd fd = OpenAs(O_RDWR | O_CREAT | O_TRUNC);
    ASSERT_EQ(::pwrite(fd.get(), content_.data(), size, 0), static_cast<ssize_t>(size));
  }
  UniqueFd OpenAs(int flags) const {
    UniqueFd fd(::open(path_.c_str(), flags | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd.valid()) << path_;
    return fd;
  }
  std::vector<uint8_t> FileContent() const {
    const UniqueFd fd = OpenAs(O_RDONLY);
    std::vector<uint8_t> bytes(content_.size() + 1);
    const ssize_t size = ::pread(fd.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(static_cast<size_t>(size));
    return bytes;
  }

  std::string directory_;
  std::string path_;
  std::vector<uint8_t> content_;
};

iovec Piece(std::span<uint8_t> bytes) {
  return {.iov_base = bytes.data(), .iov_len = bytes.size()};
}

std::vector<uint8_t> ReadAll(DiskBackend& disk) {
  std::vector<uint8_t> bytes(disk.size());
  const iovec piece = Piece(bytes);
  EXPECT_TRUE(disk.ReadV(std::span(&piece, 1), 0).has_value());
  return bytes;
}

// Random requests against a plain array that is right by inspection.
void Exercise(DiskBackend& disk, std::vector<uint8_t> expected, uint32_t seed) {
  std::mt19937 random(seed);
  const uint64_t sectors = disk.size() / kSectorSize;
  for (int step = 0; step < 400; ++step) {
    const uint64_t first = random() % sectors;
    const uint64_t count = 1 + random() % std::min<uint64_t>(sectors - first, 40);
    const uint64_t offset = first * kSectorSize;
    const uint64_t length = count * kSectorSize;
    const auto part = std::span(expected).subspan(offset, length);
    std::vector<uint8_t> bytes(length);
    const uint64_t cut = random() % (length + 1);  // two pieces, one of them maybe empty
    const std::array<iovec, 2> pieces{Piece(std::span(bytes).first(cut)),
                                      Piece(std::span(bytes).subspan(cut))};
    switch (random() % 5) {
      case 0:
        ASSERT_TRUE(disk.ReadV(pieces, offset).has_value());
        ASSERT_TRUE(std::ranges::equal(bytes, part)) << "step " << step;
        break;
      case 1:
      case 2:
        for (uint8_t& byte : bytes) {
          byte = static_cast<uint8_t>(random());
        }
        ASSERT_TRUE(disk.WriteV(pieces, offset).has_value());
        std::ranges::copy(bytes, part.begin());
        break;
      case 3:
        ASSERT_TRUE(disk.WriteZeroes(offset, length, random() % 2 == 0).has_value());
        std::ranges::fill(part, uint8_t{0});
        break;
      case 4: {
        // What discarded bytes read as is up to the disk: zero or what they were, byte for byte.
        ASSERT_TRUE(disk.Discard(offset, length).has_value());
        const iovec all = Piece(bytes);
        ASSERT_TRUE(disk.ReadV(std::span(&all, 1), offset).has_value());
        for (uint64_t i = 0; i < length; ++i) {
          ASSERT_TRUE(bytes[i] == 0 || bytes[i] == part[i]);
        }
        std::ranges::copy(bytes, part.begin());
        break;
      }
    }
  }
  EXPECT_TRUE(ReadAll(disk) == expected);
  EXPECT_TRUE(disk.Flush().has_value());
}

// Sizes around the overlay's cluster of 4096 bytes.
constexpr uint64_t kSizes[] = {512, 4096, 4096 + 512, 3 * 4096 - 512, 64 * 4096};

TEST_F(DiskTest, RawReadsAndWritesTheFile) {
  for (const uint64_t size : kSizes) {
    for (uint32_t seed = 0; seed < 3; ++seed) {
      MakeFile(size);
      const auto disk = RawDisk::Open(OpenAs(O_RDWR), false).value();
      EXPECT_EQ(disk->size(), size);
      Exercise(*disk, content_, seed);
      EXPECT_TRUE(ReadAll(*disk) == FileContent());
    }
  }
}

TEST_F(DiskTest, OverlayNeverWritesTheBase) {
  for (const uint64_t size : kSizes) {
    for (uint32_t seed = 0; seed < 3; ++seed) {
      MakeFile(size);
      UniqueFd overlay;  // in memory
      if (seed % 2 == 1) {
        overlay.Reset(::open(directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        ASSERT_TRUE(overlay.valid());
      }
      // Read-only, so that the kernel would notice, too.
      const auto disk = OverlayDisk::Open(OpenAs(O_RDONLY), std::move(overlay)).value();
      EXPECT_EQ(disk->size(), size);
      EXPECT_FALSE(disk->read_only());
      Exercise(*disk, content_, seed);
      EXPECT_TRUE(FileContent() == content_);
    }
  }
}

TEST_F(DiskTest, OverlayHoldsNoMoreThanWasWritten) {
  MakeFile(256 * 4096);
  UniqueFd overlay(::memfd_create("overlay", MFD_CLOEXEC));
  const UniqueFd look = overlay.Duplicate().value();
  const auto disk = OverlayDisk::Open(OpenAs(O_RDONLY), std::move(overlay)).value();
  const auto blocks = [&] {
    struct stat status{};
    EXPECT_EQ(::fstat(look.get(), &status), 0);
    return status.st_blocks;
  };
  EXPECT_EQ(blocks(), 0);
  std::array<uint8_t, 4096> bytes{1};
  const iovec piece = Piece(bytes);
  ASSERT_TRUE(disk->WriteV(std::span(&piece, 1), 8 * 4096).has_value());
  EXPECT_EQ(blocks(), 8);
  ASSERT_TRUE(disk->Discard(8 * 4096, 4096).has_value());
  EXPECT_EQ(blocks(), 0);
}

TEST_F(DiskTest, OverlayStateMovesToAnotherProcess) {
  MakeFile(16 * 4096);
  UniqueFd overlay(::memfd_create("overlay", MFD_CLOEXEC));
  const auto disk = OverlayDisk::Open(OpenAs(O_RDONLY), std::move(overlay)).value();
  ASSERT_TRUE(disk->WriteZeroes(4096, 2 * 4096, true).has_value());
  StateWriter writer;
  disk->Save(writer);
  // Another overlay, whose file is all holes: the zeroed clusters must not come from the base.
  const auto twin = OverlayDisk::Open(OpenAs(O_RDONLY), UniqueFd()).value();
  StateReader reader(writer.bytes());
  twin->Load(reader);
  EXPECT_TRUE(reader.AtEnd());
  EXPECT_TRUE(ReadAll(*twin) == ReadAll(*disk));
  StateReader cut(std::span(writer.bytes()).first(writer.bytes().size() - 1));
  twin->Load(cut);
  EXPECT_FALSE(cut.ok());
}

TEST_F(DiskTest, ALastPartOfASectorIsNotShown) {
  MakeFile(1000);
  EXPECT_EQ(RawDisk::Open(OpenAs(O_RDONLY), true).value()->size(), 512u);
  EXPECT_EQ(OverlayDisk::Open(OpenAs(O_RDONLY), UniqueFd()).value()->size(), 512u);
  EXPECT_TRUE(FileContent() == content_);
}

TEST_F(DiskTest, AFileThatShrankIsAnError) {
  MakeFile(8192);
  const auto disk = RawDisk::Open(OpenAs(O_RDONLY), true).value();
  ASSERT_EQ(::truncate(path_.c_str(), 4096), 0);
  std::array<uint8_t, 8192> bytes{};
  const iovec piece = Piece(bytes);
  const auto read = disk->ReadV(std::span(&piece, 1), 0);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kIo);
}

TEST_F(DiskTest, WhatCannotBeADiskIsRefused) {
  struct Case {
    const char* name;
    UniqueFd fd;
    bool read_only;
    ErrorCode code;
    const char* message;
  };
  MakeFile(4096);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const UniqueFd pipe_end(pipe[1]);
  const auto open = [](const char* path, int flags) { return UniqueFd(::open(path, flags, 0)); };
  UniqueFd tiny(::memfd_create("tiny", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(tiny.get(), 511), 0);
  std::vector<Case> cases;
  cases.push_back({"directory", open(directory_.c_str(), O_RDONLY | O_DIRECTORY), true,
                   ErrorCode::kInvalidArgument, "a directory"});
  cases.push_back({"pipe", UniqueFd(pipe[0]), true, ErrorCode::kInvalidArgument, "a pipe"});
  cases.push_back({"character device", open("/dev/null", O_RDWR), false,
                   ErrorCode::kInvalidArgument, "a character device"});
  cases.push_back({"less than a sector", std::move(tiny), false, ErrorCode::kInvalidArgument,
                   "smaller than one sector"});
  cases.push_back(
      {"read-only", OpenAs(O_RDONLY), false, ErrorCode::kPermission, "not open for writing"});
  cases.push_back(
      {"write-only", OpenAs(O_WRONLY), false, ErrorCode::kPermission, "not open for reading"});
  cases.push_back(
      {"path only", OpenAs(O_PATH), true, ErrorCode::kPermission, "not open for reading"});
  cases.push_back({"appending", OpenAs(O_RDWR | O_APPEND), false, ErrorCode::kInvalidArgument,
                   "open for appending"});
  cases.push_back({"nothing", UniqueFd(), true, ErrorCode::kIo, "look at the disk"});
  for (Case& c : cases) {
    const auto disk = RawDisk::Open(std::move(c.fd), c.read_only);
    ASSERT_FALSE(disk.has_value()) << c.name;
    EXPECT_EQ(disk.error().code, c.code) << c.name;
    EXPECT_THAT(disk.error().message, HasSubstr(c.message)) << c.name;
  }
  UniqueFd used(::memfd_create("used", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(used.get(), 1), 0);
  const auto overlay = OverlayDisk::Open(OpenAs(O_RDONLY), std::move(used));
  ASSERT_FALSE(overlay.has_value());
  EXPECT_THAT(overlay.error().message, HasSubstr("must be an empty file"));
}

TEST_F(DiskTest, LocksKeepGuestsApart) {
  MakeFile(4096);
  {
    const auto writer = RawDisk::Open(OpenAs(O_RDWR), false);
    ASSERT_TRUE(writer.has_value());
    const auto second = RawDisk::Open(OpenAs(O_RDWR), false);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
    const auto reader = RawDisk::Open(OpenAs(O_RDONLY), true);
    ASSERT_FALSE(reader.has_value());
    EXPECT_EQ(reader.error().code, ErrorCode::kBusy);
    EXPECT_THAT(reader.error().message, HasSubstr("another guest writes"));
    const auto base = OverlayDisk::Open(OpenAs(O_RDONLY), UniqueFd());
    ASSERT_FALSE(base.has_value());
    EXPECT_EQ(base.error().code, ErrorCode::kBusy);
  }
  // The lock went with its holder. Readers share.
  const auto reader = RawDisk::Open(OpenAs(O_RDONLY), true);
  EXPECT_TRUE(reader.has_value());
  EXPECT_TRUE(OverlayDisk::Open(OpenAs(O_RDONLY), UniqueFd()).has_value());
  const auto writer = RawDisk::Open(OpenAs(O_RDWR), false);
  ASSERT_FALSE(writer.has_value());
  EXPECT_EQ(writer.error().code, ErrorCode::kBusy);
}

}  // namespace
}  // namespace vmtest
