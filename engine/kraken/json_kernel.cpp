// On-Demand is bound at compile time: builtin_implementation() is what runs.
#include "kraken/json_kernel.hpp"

#include <simdjson.h>

namespace havklo::kraken {

std::string json_library_version() {
  return std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." +
         std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
         std::to_string(simdjson::SIMDJSON_VERSION_REVISION);
}

std::string json_kernel() { return simdjson::builtin_implementation()->name(); }

}  // namespace havklo::kraken
