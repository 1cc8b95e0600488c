// The host sends, the agent writes.
//
// A tree is walked with one descriptor per level. An entry carries one name, looked up in the
// directory on top of that stack and never through a symbolic link, so no transfer can write
// outside its root, whatever lies there already and whatever else runs in the guest.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "agent/fd.h"
#include "agent/transfer.h"

namespace vmtest::agent {
namespace {

Failure Io(int os_error, std::string message) { return {"io", os_error, std::move(message)}; }
Failure Protocol(std::string message) { return {"protocol", 0, std::move(message)}; }

// A file under a name that nobody uses, which disappears unless it is renamed into place.
class TemporaryName {
 public:
  TemporaryName(Channel* channel, int directory) : channel_(channel), directory_(directory) {
    static_assert(sizeof(long) == 8);
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    // Unique among the workers that live; O_EXCL settles the rest.
    ::snprintf(name_, sizeof name_, ".vmtest-%d-%lx", static_cast<int>(::getpid()), now.tv_nsec);
    channel_->OnAbandon([](void* self) { static_cast<TemporaryName*>(self)->Remove(); }, this);
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() {
    Remove();
    channel_->OnAbandon(nullptr, nullptr);
  }

  const char* get() const { return name_; }
  void Created() { created_ = true; }
  bool RenameTo(const std::string& name) {
    if (::renameat(directory_, name_, directory_, name.c_str()) != 0) {
      return false;
    }
    created_ = false;
    return true;
  }

 private:
  void Remove() {
    if (created_) {
      created_ = false;
      const int saved = errno;
      ::unlinkat(directory_, name_, 0);
      errno = saved;
    }
  }

  Channel* channel_;
  int directory_;
  bool created_ = false;
  char name_[48];
};

void Times(const Entry& entry, timespec times[2]) {
  times[0].tv_sec = 0;
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = entry.mtime_seconds;
  times[1].tv_nsec = static_cast<long>(entry.mtime_nanoseconds);
}

// Owner before mode: chown(2) clears the set-id bits.
bool ApplyMetadata(int fd, const Entry& entry, const TransferRequest& request) {
  timespec times[2];
  Times(entry, times);
  return (!request.set_owner || ::fchown(fd, entry.uid, entry.gid) == 0) &&
         ::fchmod(fd, entry.mode) == 0 && (!request.set_times || ::futimens(fd, times) == 0);
}

// The contents that follow an ENTRY, up to FILE_END.
std::optional<Failure> ReceiveContents(Channel* channel, int fd, const std::string& path) {
  uint64_t offset = 0;
  bool ends_with_hole = false;
  while (true) {
    const Frame frame = channel->Read();
    if (frame.type == FrameType::kData) {
      std::string_view rest = frame.payload;
      while (!rest.empty()) {
        const ssize_t count = ::pwrite(fd, rest.data(), rest.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
          continue;
        }
        if (count < 0) {
          return Io(errno, "write " + path);
        }
        rest.remove_prefix(static_cast<size_t>(count));
        offset += static_cast<uint64_t>(count);
      }
      ends_with_hole = false;
    } else if (frame.type == FrameType::kHole) {
      const auto length = ParseLength(frame.payload);
      if (!length || *length > uint64_t{INT64_MAX} - offset) {
        return Protocol("a hole with an impossible length in " + path);
      }
      offset += *length;
      ends_with_hole = true;
    } else if (frame.type == FrameType::kFileEnd) {
      const auto length = ParseLength(frame.payload);
      if (!length || *length != offset) {
        return Protocol("the length at the end of " + path + " is not the length that was sent");
      }
      if (ends_with_hole && ::ftruncate(fd, static_cast<off_t>(offset)) != 0) {
        return Io(errno, "extend " + path);
      }
      return std::nullopt;
    } else {
      return Protocol("a frame that does not belong into a file, " + path);
    }
  }
}

std::optional<Failure> ReceiveFile(Channel* channel, const TransferRequest& request, int directory,
                                   const std::string& name, const Entry& entry,
                                   const std::string& path) {
  TemporaryName temporary(channel, directory);
  const Fd fd(::openat(directory, temporary.get(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) {
    return Io(errno, "create a file beside " + path);
  }
  temporary.Created();
  if (auto failure = ReceiveContents(channel, fd.get(), path)) {
    return failure;
  }
  if (!ApplyMetadata(fd.get(), entry, request)) {
    return Io(errno, "set the owner, mode or time of " + path);
  }
  if (!temporary.RenameTo(name)) {
    return Io(errno, "rename into place " + path);
  }
  return std::nullopt;
}

std::optional<Failure> MakeSymlink(Channel* channel, const TransferRequest& request, int directory,
                                   const Entry& entry, const std::string& path) {
  TemporaryName temporary(channel, directory);
  if (::symlinkat(entry.target.c_str(), directory, temporary.get()) != 0) {
    return Io(errno, "create a symbolic link beside " + path);
  }
  temporary.Created();
  timespec times[2];
  Times(entry, times);
  if ((request.set_owner &&
       ::fchownat(directory, temporary.get(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) ||
      (request.set_times &&
       ::utimensat(directory, temporary.get(), times, AT_SYMLINK_NOFOLLOW) != 0)) {
    return Io(errno, "set the owner or time of " + path);
  }
  if (!temporary.RenameTo(entry.name)) {
    return Io(errno, "rename into place " + path);
  }
  return std::nullopt;
}

// mkdir -p for everything above the last component; these are the caller's own words and may go
// through symbolic links.
bool MakeParents(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (::mkdir(std::string(path.data(), slash).c_str(), 0755) != 0 && errno != EEXIST) {
      return false;
    }
  }
  return true;
}

void AnswerOk(Channel* channel) {
  std::string answer;
  FrameWriter(&answer, FrameType::kOk);
  channel->Write(answer);
}

struct Level {
  Fd fd;
  Entry entry;
  bool created;
  size_t path_size;  // of the path above it
};

// The tree's state: the directories from the root down to where the next entry goes.
class TreeWriter {
 public:
  TreeWriter(Channel* channel, const TransferRequest& request)
      : channel_(channel), request_(request), path_(request.path) {}

  std::optional<Failure> Run() {
    const Frame first = channel_->Read();
    auto root = first.type == FrameType::kEntry ? ParseEntry(first.payload, true) : std::nullopt;
    if (!root || root->kind != EntryKind::kDirectory) {
      return Protocol("a tree begins with its root directory");
    }
    const bool created = ::mkdir(request_.path.c_str(), 0700) == 0;
    if (!created && errno != EEXIST) {
      return Io(errno, "create the directory " + path_);
    }
    Fd fd(::open(request_.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
      return Io(errno, "open the directory " + path_);
    }
    levels_.push_back({std::move(fd), std::move(*root), created, path_.size()});
    while (!levels_.empty()) {
      const Frame frame = channel_->Read();
      auto failure = frame.type == FrameType::kEntry   ? TakeEntry(frame)
                     : frame.type == FrameType::kLeave ? Leave(frame)
                                                       : Protocol("a stray frame in a tree");
      if (failure) {
        return failure;
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<Failure> TakeEntry(const Frame& frame) {
    auto entry = ParseEntry(frame.payload, false);
    if (!entry) {
      return Protocol("an entry that is malformed or whose name is not one plain component, in " +
                      path_);
    }
    const int directory = levels_.back().fd.get();
    const std::string path = path_ + "/" + entry->name;
    switch (entry->kind) {
      case EntryKind::kFile:
        return ReceiveFile(channel_, request_, directory, entry->name, *entry, path);
      case EntryKind::kSymlink:
        return MakeSymlink(channel_, request_, directory, *entry, path);
      case EntryKind::kDirectory:
        break;
    }
    if (levels_.size() >= kMaxDepth) {
      return Io(ELOOP, "the tree is too deep at " + path);
    }
    const bool created = ::mkdirat(directory, entry->name.c_str(), 0700) == 0;
    if (!created && errno != EEXIST) {
      return Io(errno, "create the directory " + path);
    }
    Fd fd(
        ::openat(directory, entry->name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
      return Io(errno, "open the directory " + path);
    }
    levels_.push_back({std::move(fd), std::move(*entry), created, path_.size()});
    path_ = path;
    return std::nullopt;
  }

  // A directory's mode and time are set last: its entries change its time, and its mode may forbid
  // writing. One that was there before keeps its own.
  std::optional<Failure> Leave(const Frame& frame) {
    if (!frame.payload.empty()) {
      return Protocol("a malformed frame");
    }
    const Level& level = levels_.back();
    if (level.created && !ApplyMetadata(level.fd.get(), level.entry, request_)) {
      return Io(errno, "set the owner, mode or time of " + path_);
    }
    path_.resize(level.path_size);
    levels_.pop_back();
    return std::nullopt;
  }

  Channel* channel_;
  const TransferRequest& request_;
  std::string path_;
  std::vector<Level> levels_;
};

}  // namespace

std::optional<Failure> PutFile(Channel* channel, const TransferRequest& request) {
  const size_t slash = request.path.rfind('/');
  const std::string parent(request.path.data(), slash == 0 ? 1 : slash);
  const std::string name(request.path.data() + slash + 1, request.path.size() - slash - 1);
  if (!IsPlainName(name)) {
    return Io(EISDIR, "not the name of a file: " + request.path);
  }
  if (request.make_parents && !MakeParents(request.path)) {
    return Io(errno, "create the directories above " + request.path);
  }
  const Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    return Io(errno, "open the directory " + parent);
  }
  const Frame first = channel->Read();
  const auto entry =
      first.type == FrameType::kEntry ? ParseEntry(first.payload, true) : std::nullopt;
  if (!entry || entry->kind != EntryKind::kFile) {
    return Protocol("a file begins with its entry");
  }
  if (auto failure = ReceiveFile(channel, request, directory.get(), name, *entry, request.path)) {
    return failure;
  }
  AnswerOk(channel);
  return std::nullopt;
}

std::optional<Failure> PutTree(Channel* channel, const TransferRequest& request) {
  if (request.make_parents && !MakeParents(request.path)) {
    return Io(errno, "create the directories above " + request.path);
  }
  if (auto failure = TreeWriter(channel, request).Run()) {
    return failure;
  }
  AnswerOk(channel);
  return std::nullopt;
}

}  // namespace vmtest::agent
