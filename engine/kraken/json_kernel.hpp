// Which code simdjson runs: said at the command line, and a condition of every benchmark.
#pragma once

#include <string>

namespace havklo::kraken {

[[nodiscard]] std::string json_library_version();
// The kernel that On-Demand was compiled to: "haswell", "icelake"; "fallback" is the slow one.
[[nodiscard]] std::string json_kernel();

}  // namespace havklo::kraken
