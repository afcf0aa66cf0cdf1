// getrandom(2).
#include "io/entropy.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

namespace havklo::io {

std::expected<uint64_t, std::string> seed_from_kernel() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed)) return seed;
  return std::unexpected(std::string("getrandom: ") + std::strerror(errno));
}

}  // namespace havklo::io
