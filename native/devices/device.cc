#include "devices/device.h"

namespace vmtest {

void Device::LoadVersion(StateReader& reader) {
  if (reader.U8() != 1) {
    reader.MarkBad();
  }
}

void Device::Call(const std::function<void()>& callback) {
  if (callback) {
    callback();
  }
}

}  // namespace vmtest
