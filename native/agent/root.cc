#include "agent/root.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "agent/command_line.h"
#include "agent/fd.h"
#include "agent/mounts.h"
#include "agent/users.h"

namespace vmtest::agent {
namespace {

constexpr const char* kNewRoot = "/vmtest/root";
constexpr const char* kLower = "/vmtest/lower";
constexpr const char* kUpper = "/vmtest/upper";
// Where the agent is found by the service manager of the new root.
constexpr const char* kServiceDirectory = "/run/vmtest";
constexpr const char* kServiceAgent = "/run/vmtest/agent";
constexpr const char* kUnit = "/run/systemd/system/vmtest-agent.service";
constexpr const char* kWants = "/run/systemd/system/multi-user.target.wants";

// What the initramfs mounted and the new root gets; what is mounted below these moves along.
constexpr const char* kMoved[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};

std::string Failed(const std::string& what) { return what + ": " + ::strerror(errno); }

// The name below /dev of the disk with this serial, empty when there is none.
std::string FindDisk(const std::string& serial) {
  DIR* const directory = ::opendir("/sys/block");
  if (directory == nullptr) {
    return "";
  }
  std::string found;
  while (const dirent* const entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    std::string text = ReadSmallFile(("/sys/block/" + name + "/serial").c_str());
    while (text.ends_with('\n')) {
      text.pop_back();
    }
    if (text == serial) {
      found = name;
      break;
    }
  }
  ::closedir(directory);
  return found;
}

// Where the file system that is to be the root comes from; `device` is of no meaning for a tag.
std::string MountSource(const RootSpec& spec, const std::string& device, const char* target) {
  if (!spec.tag.empty()) {
    return MountTag(spec.tag, target, spec.mode);
  }
  const unsigned long flags = spec.mode == MountMode::kReadOnly ? MS_RDONLY : 0;
  if (::mount(device.c_str(), target, spec.type.c_str(), flags, nullptr) != 0) {
    return Failed("mount " + device + " as " + spec.type);
  }
  return "";
}

// Over what is mounted read-only on kLower.
std::string MountOverlay() {
  ::mkdir(kUpper, 0755);
  if (::mount("vmtest", kUpper, "tmpfs", 0, "mode=0755,size=90%") != 0) {
    return Failed("mount a tmpfs");
  }
  const std::string data = std::string(kUpper) + "/data";
  const std::string work = std::string(kUpper) + "/work";
  ::mkdir(data.c_str(), 0755);
  ::mkdir(work.c_str(), 0755);
  const std::string options =
      std::string("lowerdir=") + kLower + ",upperdir=" + data + ",workdir=" + work;
  if (::mount("overlay", kNewRoot, "overlay", 0, options.c_str()) != 0) {
    return Failed("mount an overlay");
  }
  return "";
}

bool CopyFile(const char* from, const char* to, mode_t mode) {
  const Fd source(::open(from, O_RDONLY | O_CLOEXEC));
  const Fd target(::open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!source || !target) {
    return false;
  }
  char buffer[65536];
  while (true) {
    const ssize_t count = ::read(source.get(), buffer, sizeof buffer);
    if (count <= 0) {
      return count == 0;
    }
    if (::write(target.get(), buffer, static_cast<size_t>(count)) != count) {
      return false;
    }
  }
}

bool WriteFile(const char* path, std::string_view text) {
  const Fd fd(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  return fd && ::write(fd.get(), text.data(), text.size()) == std::ssize(text);
}

bool IsSystemd(const std::string& init) {
  char target[4096];
  const ssize_t size = ::readlink(init.c_str(), target, sizeof target);
  const std::string name = size > 0 ? std::string(target, static_cast<size_t>(size)) : init;
  return name == "systemd" || name.ends_with("/systemd");
}

// A unit in /run is there for this boot only, and the image stays as it is. The commands of a test
// may be killed by it like any other process, the agent is the last thing to go.
constexpr std::string_view kUnitText =
    "[Unit]\n"
    "Description=vmtest agent\n"
    "After=basic.target\n"
    "\n"
    "[Service]\n"
    "ExecStart=/run/vmtest/agent\n"
    "Restart=always\n"
    "OOMScoreAdjust=-1000\n"
    "LimitNOFILE=1048576\n"
    "TasksMax=infinity\n"
    "Delegate=yes\n";

std::string AddUnit() {
  for (const char* path : {"/run/systemd", "/run/systemd/system", kWants}) {
    ::mkdir(path, 0755);
  }
  const std::string link = std::string(kWants) + "/vmtest-agent.service";
  if (!WriteFile(kUnit, kUnitText) || ::symlink(kUnit, link.c_str()) != 0) {
    return Failed("write the agent's unit");
  }
  return "";
}

}  // namespace

std::optional<RootSpec> ParseRootSpec(std::string_view command_line, std::string* error) {
  const std::string_view root = Word(command_line, "vmtest.root");
  if (root.empty()) {
    return std::nullopt;
  }
  RootSpec spec;
  constexpr std::string_view kSerial = "serial:";
  constexpr std::string_view kTag = "9p:";
  std::string_view name;
  if (root.starts_with(kTag)) {
    spec.tag = root.substr(kTag.size());
  } else if (root.starts_with(kSerial)) {
    name = root.substr(kSerial.size());
  } else {
    *error = "vmtest.root=" + std::string(root) + ": neither serial:NAME nor 9p:TAG";
    return std::nullopt;
  }
  const size_t colon = name.find(':');
  spec.serial = name.substr(0, colon);
  if (colon != std::string_view::npos) {
    const std::string_view number = name.substr(colon + 1);
    const auto [end, failure] =
        std::from_chars(number.data(), number.data() + number.size(), spec.partition);
    if (failure != std::errc() || end != number.data() + number.size() || spec.partition == 0) {
      *error = "vmtest.root=" + std::string(root) + ": the partition is not a number from 1 on";
      return std::nullopt;
    }
  }
  spec.type = Word(command_line, "vmtest.rootfstype");
  const std::string_view flags = Word(command_line, "vmtest.rootflags");
  const auto mode = ParseMountMode(flags.empty() ? "ro" : flags);
  const bool of_disk = spec.tag.empty();
  const bool has_source = !of_disk || (!spec.serial.empty() && !spec.type.empty());
  if (!has_source || !mode || (of_disk && *mode == MountMode::kExclusive)) {
    *error =
        "vmtest.root needs a tag, or a serial and vmtest.rootfstype; vmtest.rootflags ro or rw";
    return std::nullopt;
  }
  spec.mode = *mode;
  spec.init = Word(command_line, "vmtest.init");
  return spec;
}

std::string EnterRoot(const RootSpec& spec) {
  std::string device;
  if (spec.tag.empty()) {
    const std::string disk = FindDisk(spec.serial);
    if (disk.empty()) {
      return "no disk has the serial " + spec.serial;
    }
    device = "/dev/" + disk;
  }
  if (spec.partition != 0) {
    device += std::to_string(spec.partition);
  }
  for (const char* path : {"/vmtest", kNewRoot, kLower}) {
    ::mkdir(path, 0755);
  }
  const bool read_only = spec.mode == MountMode::kReadOnly;
  std::string why = MountSource(spec, device, read_only ? kLower : kNewRoot);
  if (why.empty() && read_only) {
    why = MountOverlay();
  }
  if (!why.empty()) {
    return why;
  }
  // Nothing was taken from the old root until here. From here on the new one is entered or the
  // machine ends.
  for (const char* path : kMoved) {
    const std::string target = std::string(kNewRoot) + path;
    ::mkdir(target.c_str(), 0755);
    if (::mount(path, target.c_str(), nullptr, MS_MOVE, nullptr) != 0) {
      return Failed("move " + std::string(path) + " to the new root");
    }
  }
  if (!spec.init.empty()) {
    ::mkdir((std::string(kNewRoot) + kServiceDirectory).c_str(), 0755);
    if (!CopyFile("/vmtest/agent", (std::string(kNewRoot) + kServiceAgent).c_str(), 0755)) {
      return Failed("copy the agent to /run");
    }
  }
  if (::chdir(kNewRoot) != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      ::chroot(".") != 0 || ::chdir("/") != 0) {
    return Failed("enter the new root");
  }
  return "";
}

std::string StartInit(const RootSpec& spec) {
  if (::access(spec.init.c_str(), X_OK) != 0) {
    return Failed("the root file system has no " + spec.init + " to run");
  }
  if (IsSystemd(spec.init)) {
    if (std::string why = AddUnit(); !why.empty()) {
      return why;
    }
  } else {
    const pid_t child = ::fork();
    if (child < 0) {
      return Failed("fork");
    }
    if (child == 0) {
      ::setsid();
      return "";
    }
  }
  char* const arguments[] = {const_cast<char*>(spec.init.c_str()), nullptr};
  char terminal[] = "TERM=linux";
  char* const environment[] = {terminal, nullptr};
  ::execve(spec.init.c_str(), arguments, environment);
  return Failed("run " + spec.init);
}

}  // namespace vmtest::agent
