#include "agent/users.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "agent/fd.h"

namespace vmtest::agent {
namespace {

constexpr size_t kMaxFile = 1024 * 1024;

// Takes the text up to the next `separator` off the front.
std::string_view Take(std::string_view* text, char separator) {
  const size_t at = text->find(separator);
  const std::string_view head(text->data(), at == std::string_view::npos ? text->size() : at);
  text->remove_prefix(at == std::string_view::npos ? text->size() : at + 1);
  return head;
}

// Decimal digits only; (uid_t)-1 means "leave as it is" to setuid and so is not an id.
std::optional<uint32_t> ParseId(std::string_view text) {
  if (text.empty() || text.size() > 10) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value >= UINT32_MAX) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(value);
}

template <size_t N>
std::array<std::string_view, N> Fields(std::string_view line) {
  std::array<std::string_view, N> fields;
  for (auto& field : fields) {
    field = Take(&line, ':');
  }
  return fields;
}

bool HasMember(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    if (Take(&members, ',') == name) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<Credentials> ResolveUser(std::string_view spec, std::string_view passwd,
                                       std::string_view group) {
  const bool has_group = spec.find(':') != std::string_view::npos;
  const std::string_view user = Take(&spec, ':');
  Credentials result;
  bool found = false;
  const auto number = ParseId(user);
  while (!passwd.empty() && !found) {
    // name:password:uid:gid:gecos:home:shell
    const auto fields = Fields<7>(Take(&passwd, '\n'));
    const auto uid = ParseId(fields[2]);
    const auto gid = ParseId(fields[3]);
    if (!uid || !gid || fields[0].empty()) {
      continue;
    }
    // A name that consists of digits loses against the number, as in chown(1)'s documentation.
    if (number ? *uid == *number : fields[0] == user) {
      found = true;
      result.uid = *uid;
      result.gid = *gid;
      result.name = fields[0];
      result.home = fields[5];
      result.shell = fields[6];
    }
  }
  if (!found && number) {
    result.uid = *number;
    result.gid = *number;
  } else if (!found) {
    return std::nullopt;
  }

  const auto group_number = ParseId(spec);
  bool group_found = !has_group || group_number.has_value();
  if (has_group && group_number) {
    result.gid = *group_number;
  }
  while (!group.empty()) {
    // name:password:gid:members
    const auto fields = Fields<4>(Take(&group, '\n'));
    const auto gid = ParseId(fields[2]);
    if (!gid) {
      continue;
    }
    if (has_group && !group_number && !group_found && fields[0] == spec) {
      result.gid = *gid;
      group_found = true;
    }
    if (!has_group && !result.name.empty() && *gid != result.gid &&
        HasMember(fields[3], result.name)) {
      result.groups.push_back(*gid);
    }
  }
  if (!group_found) {
    return std::nullopt;
  }
  result.groups.insert(result.groups.begin(), result.gid);
  return result;
}

std::string ReadSmallFile(const char* path) {
  std::string text;
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  while (fd && text.size() < kMaxFile) {
    char buffer[4096];
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count <= 0) {
      break;
    }
    text.append(buffer, static_cast<size_t>(count));
  }
  return text;
}

}  // namespace vmtest::agent
