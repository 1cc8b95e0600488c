// The agent reads and sends.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "agent/fd.h"
#include "agent/transfer.h"

namespace vmtest::agent {
namespace {

Failure Io(int os_error, std::string message) { return {"io", os_error, std::move(message)}; }

Entry Describe(EntryKind kind, std::string name, const struct stat& status) {
  Entry entry;
  entry.kind = kind;
  entry.name = std::move(name);
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime_seconds = status.st_mtim.tv_sec;
  entry.mtime_nanoseconds = static_cast<uint32_t>(status.st_mtim.tv_nsec);
  return entry;
}

class Sender {
 public:
  Sender(Channel* channel, std::string path)
      : channel_(channel), path_(std::move(path)), buffer_(kMaxPayload, '\0') {}

  std::optional<Failure> File() {
    const Fd fd(::open(path_.c_str(), kOpenFile));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
      return Io(errno, "open " + path_);
    }
    if (!S_ISREG(status.st_mode)) {
      return Io(S_ISDIR(status.st_mode) ? EISDIR : EINVAL, "not a regular file: " + path_);
    }
    Send(Describe(EntryKind::kFile, "", status));
    if (auto failure = Contents(fd.get(), status)) {
      return failure;
    }
    Done();
    return std::nullopt;
  }

  std::optional<Failure> Tree() {
    Fd fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
      return Io(errno, "open the directory " + path_);
    }
    device_ = status.st_dev;
    root_size_ = path_.size();
    Send(Describe(EntryKind::kDirectory, "", status));
    if (auto failure = Directory(std::move(fd), 1)) {
      return failure;
    }
    Done();
    return std::nullopt;
  }

 private:
  // O_NONBLOCK: opening a FIFO or a device that took a file's place must not hang.
  static constexpr int kOpenFile = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

  void Send(const Entry& entry) {
    std::string frame;
    WriteEntry(&frame, entry);
    channel_->Write(frame);
  }

  void SendNumber(FrameType type, uint64_t value) {
    std::string frame;
    FrameWriter(&frame, type).U64(value);
    channel_->Write(frame);
  }

  void SendEmpty(FrameType type) {
    std::string frame;
    {
      const FrameWriter writer(&frame, type);
    }
    channel_->Write(frame);
  }

  void Done() { SendEmpty(FrameType::kOk); }

  void Skip(std::string_view reason) {
    std::string frame;
    std::string_view relative(path_);
    relative.remove_prefix(root_size_ + 1);
    FrameWriter(&frame, FrameType::kSkipped).String(relative).String(reason);
    channel_->Write(frame);
  }

  void SkipErrno(int os_error) {
    const char* name = ::strerrorname_np(os_error);
    Skip(name != nullptr ? name : "unreadable");
  }
  void SkipErrno() { SkipErrno(errno); }

  std::optional<Failure> Contents(int fd, const struct stat& status) {
    // Files of /proc and /sys say that they are empty, or one page long; read those to their end.
    const bool counted = status.st_blocks > 0 || status.st_size > 4096;
    const off_t size = counted ? status.st_size : LLONG_MAX;
    off_t position = 0;
    bool seekable = counted;
    while (position < size) {
      off_t data_end = size;
      if (seekable) {
        off_t data = ::lseek(fd, position, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
          data = size;  // a hole up to the end
        } else if (data < 0) {
          seekable = false;  // a file system that does not tell
          continue;
        }
        if (data > size) {
          data = size;
        }
        if (data > position) {
          SendNumber(FrameType::kHole, static_cast<uint64_t>(data - position));
          position = data;
          continue;
        }
        const off_t hole = ::lseek(fd, position, SEEK_HOLE);
        data_end = hole > position && hole < size ? hole : size;
      }
      const auto left = static_cast<uint64_t>(data_end - position);
      const ssize_t count =
          ::pread(fd, buffer_.data(), left < buffer_.size() ? left : buffer_.size(), position);
      if (count < 0 && errno == EINTR) {
        continue;
      }
      if (count < 0) {
        return Io(errno, "read " + path_);
      }
      if (count == 0) {
        break;  // became shorter meanwhile
      }
      channel_->WriteData({buffer_.data(), static_cast<size_t>(count)});
      position += count;
    }
    SendNumber(FrameType::kFileEnd, static_cast<uint64_t>(position));
    return std::nullopt;
  }

  std::optional<Failure> Directory(Fd fd, size_t depth) {
    DIR* stream = ::fdopendir(fd.get());
    if (stream == nullptr) {
      return Io(errno, "read the directory " + path_);
    }
    (void)fd.Release();
    std::optional<Failure> failure;
    while (!failure) {
      errno = 0;
      const dirent* item = ::readdir(stream);
      if (item == nullptr) {
        if (errno != 0) {
          failure = Io(errno, "read the directory " + path_);
        }
        break;
      }
      const std::string name(item->d_name);
      if (name == "." || name == "..") {
        continue;
      }
      const size_t size = path_.size();
      path_ += "/" + name;
      failure = Item(::dirfd(stream), name, depth);
      if (!failure) {
        path_.resize(size);
      }
    }
    ::closedir(stream);
    if (!failure) {
      SendEmpty(FrameType::kLeave);
    }
    return failure;
  }

  std::optional<Failure> Item(int directory, const std::string& name, size_t depth) {
    struct stat status{};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      SkipErrno();
      return std::nullopt;
    }
    switch (status.st_mode & S_IFMT) {
      case S_IFREG:
        return RegularFile(directory, name);
      case S_IFDIR:
        return Subdirectory(directory, name, depth);
      case S_IFLNK:
        Symlink(directory, name, status);
        return std::nullopt;
      case S_IFSOCK:
        Skip("socket");
        return std::nullopt;
      case S_IFIFO:
        Skip("fifo");
        return std::nullopt;
      default:
        Skip("device");
        return std::nullopt;
    }
  }

  std::optional<Failure> RegularFile(int directory, const std::string& name) {
    const Fd fd(::openat(directory, name.c_str(), kOpenFile | O_NOFOLLOW));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
      SkipErrno();
      return std::nullopt;
    }
    if (!S_ISREG(status.st_mode)) {
      Skip("changed");
      return std::nullopt;
    }
    Send(Describe(EntryKind::kFile, name, status));
    // Many a file of /sys opens and cannot be read: that one is left out, and the others still
    // come.
    if (const auto failure = Contents(fd.get(), status)) {
      SkipErrno(failure->os_error);
    }
    return std::nullopt;
  }

  std::optional<Failure> Subdirectory(int directory, const std::string& name, size_t depth) {
    if (depth >= kMaxDepth) {
      Skip("too deep");
      return std::nullopt;
    }
    Fd fd(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
      SkipErrno();
      return std::nullopt;
    }
    if (status.st_dev != device_) {
      Skip("mount point");
      return std::nullopt;
    }
    Send(Describe(EntryKind::kDirectory, name, status));
    return Directory(std::move(fd), depth + 1);
  }

  void Symlink(int directory, const std::string& name, const struct stat& status) {
    const ssize_t length = ::readlinkat(directory, name.c_str(), buffer_.data(), PATH_MAX);
    if (length <= 0 || length >= PATH_MAX) {
      SkipErrno();
      return;
    }
    Entry entry = Describe(EntryKind::kSymlink, name, status);
    entry.mode = 0777;
    entry.target.assign(buffer_.data(), static_cast<size_t>(length));
    Send(entry);
  }

  Channel* channel_;
  std::string path_;
  size_t root_size_ = 0;
  dev_t device_ = 0;
  std::string buffer_;
};

}  // namespace

std::optional<Failure> GetFile(Channel* channel, const TransferRequest& request) {
  return Sender(channel, request.path).File();
}

std::optional<Failure> GetTree(Channel* channel, const TransferRequest& request) {
  return Sender(channel, request.path).Tree();
}

}  // namespace vmtest::agent
