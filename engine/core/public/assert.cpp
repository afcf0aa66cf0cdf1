// The end of a process whose own invariant broke.
#include <cstdio>
#include <cstdlib>
#include <havklo/assert.hpp>

namespace havklo::detail {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "havklo: internal error: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace havklo::detail
