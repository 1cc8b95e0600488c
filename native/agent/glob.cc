// The walk is the agent's own and only the comparison of names is the C library's, fnmatch(3).
// glob(3) collects without a limit, and this process has the agent's protection from the OOM
// killer; linked statically it also brings the name service switch along (for "~user"), which alone
// is more than what the agent may still grow by.
#include "agent/glob.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "agent/glob_pattern.h"

namespace vmtest::agent {
namespace {

class Globber {
 public:
  Globber(Channel* channel, const GlobRequest& request) : channel_(channel), request_(request) {}

  std::optional<Failure> Run() {
    struct stat status{};
    // A path that is there is meant as it is written, whatever signs it has in it.
    if (::lstat(request_.pattern.c_str(), &status) == 0) {
      matches_.push_back(request_.pattern);
    } else if (!request_.literal) {
      pattern_ = ParsePattern(request_.pattern);
      std::string path;
      if (auto failure = Expand(&path, 0)) {
        return failure;
      }
    }
    std::sort(matches_.begin(), matches_.end());
    std::string answer;
    for (const std::string& match : matches_) {
      WriteMatch(&answer, KindOf(match), match);
      if (answer.size() >= kMaxPayload) {
        channel_->Write(answer);
        answer.clear();
      }
    }
    {
      const FrameWriter ok(&answer, FrameType::kOk);
    }
    channel_->Write(answer);
    return std::nullopt;
  }

 private:
  static MatchKind KindOf(const std::string& path) {
    struct stat status{};
    // A link counts as what it leads to.
    if (::stat(path.c_str(), &status) != 0) {
      return MatchKind::kOther;
    }
    return S_ISREG(status.st_mode)   ? MatchKind::kFile
           : S_ISDIR(status.st_mode) ? MatchKind::kDirectory
                                     : MatchKind::kOther;
  }

  // `path` holds what the parts before `index` became. As deep as the pattern has components.
  std::optional<Failure> Expand(std::string* path, size_t index) {
    const size_t size = path->size();
    while (index < pattern_.parts.size() && !pattern_.parts[index].magic) {
      *path += "/" + pattern_.parts[index].text;
      ++index;
    }
    auto failure = index == pattern_.parts.size() ? Take(*path) : Search(path, index);
    path->resize(size);
    return failure;
  }

  std::optional<Failure> Search(std::string* path, size_t index) {
    // A walk without a match writes nothing, and would never learn that nobody waits for it.
    channel_->CheckHost();
    DIR* stream = ::opendir(path->empty() ? "/" : path->c_str());
    if (stream == nullptr) {
      if (IsNoDirectory(errno)) {
        return std::nullopt;
      }
      return Io(errno, "open the directory " + *path);
    }
    const size_t size = path->size();
    std::optional<Failure> failure;
    while (!failure) {
      errno = 0;
      const dirent* item = ::readdir(stream);
      if (item == nullptr) {
        if (errno != 0) {
          failure = Io(errno, "read the directory " + *path);
        }
        break;
      }
      if (!FitsPart(pattern_.parts[index], item->d_name)) {
        continue;
      }
      *path += "/";
      *path += item->d_name;
      failure = Expand(path, index + 1);
      path->resize(size);
    }
    ::closedir(stream);
    return failure;
  }

  std::optional<Failure> Take(const std::string& path) {
    struct stat status{};
    const bool there = pattern_.only_directories ? KindOf(path) == MatchKind::kDirectory
                                                 : ::lstat(path.c_str(), &status) == 0;
    if (!there) {
      return std::nullopt;
    }
    bytes_ += path.size();
    if (matches_.size() == kMaxMatches) {
      return Io(E2BIG, "more than " + std::to_string(kMaxMatches) + " paths fit the pattern");
    }
    if (bytes_ > kMaxMatchBytes) {
      return Io(E2BIG, "the paths that fit the pattern have more than " +
                           std::to_string(kMaxMatchBytes) + " bytes");
    }
    matches_.push_back(path);
    return std::nullopt;
  }

  // What a part of a pattern leads to need not be a directory that can be read.
  static bool IsNoDirectory(int os_error) {
    return os_error == ENOENT || os_error == ENOTDIR || os_error == EACCES || os_error == EPERM ||
           os_error == ELOOP || os_error == ENAMETOOLONG;
  }

  static Failure Io(int os_error, std::string message) {
    return {"io", os_error, std::move(message)};
  }

  Channel* channel_;
  const GlobRequest& request_;
  GlobPattern pattern_;
  std::vector<std::string> matches_;
  size_t bytes_ = 0;
};

}  // namespace

std::optional<Failure> Glob(Channel* channel, const GlobRequest& request) {
  return Globber(channel, request).Run();
}

}  // namespace vmtest::agent
