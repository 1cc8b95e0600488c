// EventFd: one counter that wakes a loop; what KVM calls ioeventfd and irqfd are made of.
#pragma once

#include "base/unique_fd.h"

namespace vmtest {

class EventFd {
 public:
  static Result<EventFd> Create();
  // Takes an eventfd that another process made and keeps using. kInvalidArgument for any other kind
  // of descriptor: writing to one could block.
  static Result<EventFd> Adopt(UniqueFd fd);

  // Wakes whoever watches. Never blocks, may be called from any thread.
  void Signal() const;
  // Takes the count back to zero; true when it was signalled since the last call.
  bool Drain() const;

  int fd() const { return fd_.get(); }

 private:
  explicit EventFd(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace vmtest
