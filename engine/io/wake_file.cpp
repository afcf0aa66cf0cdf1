// eventfd(2).
#include "io/wake_file.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace havklo::io {

std::expected<WakeFile, std::string> WakeFile::create() {
  const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor < 0) return std::unexpected(std::string("eventfd: ") + std::strerror(errno));
  return WakeFile(descriptor);
}

WakeFile::WakeFile(WakeFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

WakeFile::~WakeFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void WakeFile::wake() const noexcept {
  const uint64_t one = 1;
  static_cast<void>(!::write(descriptor_, &one, sizeof one));
}

void WakeFile::forget() const noexcept {
  uint64_t count = 0;
  static_cast<void>(!::read(descriptor_, &count, sizeof count));
}

}  // namespace havklo::io
