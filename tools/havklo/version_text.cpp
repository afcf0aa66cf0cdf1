// Read from the compiler's own macros, so that it cannot be wrong.
#include "havklo/version_text.hpp"

#include <fmt/format.h>

#include <havklo/version.hpp>

#include "io/library_versions.hpp"
#include "kraken/json_kernel.hpp"

namespace havklo {

std::string version_text() {
#if defined(__AVX2__)
  constexpr const char* vector = "AVX2";
#else
  constexpr const char* vector = "SSE2";
#endif
#if defined(NDEBUG)
  constexpr const char* build = "release";
#else
  constexpr const char* build = "debug";
#endif
  return fmt::format("havklo {} ({} build, g++ {}, {})\nsimdjson {}, kernel {} (index {})\n{}\n{}",
                     HAVKLO_VERSION, build, __VERSION__, vector, kraken::json_library_version(),
                     kraken::json_kernel(), kraken::json_index_kernel(), io::tls_library_text(),
                     io::ring_library_text());
}

}  // namespace havklo
