// Which code simdjson runs: said at the command line, and a condition of every benchmark.
#pragma once

#include <string>

namespace havklo::kraken {

[[nodiscard]] std::string json_library_version();
// What On-Demand was compiled to in this build ("haswell", "icelake"; "fallback" is the slow one:
// -mpclmul was missing).
[[nodiscard]] std::string json_kernel();
// What the library chose on this machine for finding the structure of a text.
[[nodiscard]] std::string json_index_kernel();

}  // namespace havklo::kraken
