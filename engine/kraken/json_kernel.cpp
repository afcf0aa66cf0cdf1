// On-Demand is bound when this file is compiled; the structural index when the program runs.
#include "kraken/json_kernel.hpp"

#include <simdjson.h>

// Two steps, so that the name is expanded before it is quoted.
#define HAVKLO_QUOTE(name) #name
#define HAVKLO_QUOTE_EXPANDED(name) HAVKLO_QUOTE(name)

namespace havklo::kraken {

std::string json_library_version() {
  return std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + "." +
         std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + "." +
         std::to_string(simdjson::SIMDJSON_VERSION_REVISION);
}

std::string json_kernel() { return HAVKLO_QUOTE_EXPANDED(SIMDJSON_BUILTIN_IMPLEMENTATION); }

std::string json_index_kernel() { return simdjson::get_active_implementation()->name(); }

}  // namespace havklo::kraken
