// /proc/sys/kernel/random/boot_id, proc(5).
#include "io/budget/boot.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/system_clock.hpp"

namespace havklo::io {

std::expected<Boot, std::string> Boot::read() {
  constexpr const char* path = "/proc/sys/kernel/random/boot_id";
  Boot boot;
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = -1;
  if (file >= 0) {
    do {
      size = ::read(file, boot.id.data(), boot.id.size());
    } while (size < 0 && errno == EINTR);
  }
  const int error = errno;
  if (file >= 0) ::close(file);
  if (size != static_cast<ssize_t>(boot.id.size())) {
    return std::unexpected(std::string("cannot read ") + path +
                           (size < 0 ? std::string(": ") + std::strerror(error) : ""));
  }
  SystemClock clock;
  boot.utc_offset = clock.utc_offset();
  boot.now = clock.now();
  return boot;
}

}  // namespace havklo::io
