// getrandom(2).
#include "io/entropy.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace havklo::io {
namespace {

// Up to 256 bytes come at once or not at all; a signal may end the wait for the kernel's own seed.
template <class Value>
std::expected<Value, std::string> from_kernel() {
  static_assert(sizeof(Value) <= 256);
  Value value{};
  ssize_t size = -1;
  do {
    size = getrandom(&value, sizeof value, 0);
  } while (size < 0 && errno == EINTR);
  if (size == static_cast<ssize_t>(sizeof value)) return value;
  return std::unexpected(std::string("getrandom: ") + std::strerror(errno));
}

}  // namespace

std::expected<uint64_t, std::string> seed_from_kernel() { return from_kernel<uint64_t>(); }

std::expected<std::array<std::byte, 32>, std::string> secret_from_kernel() {
  return from_kernel<std::array<std::byte, 32>>();
}

}  // namespace havklo::io
