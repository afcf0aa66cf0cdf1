// The end of a process whose own invariant broke.
#include <havklo/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace havklo::detail {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "havklo: internal error: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace havklo::detail
