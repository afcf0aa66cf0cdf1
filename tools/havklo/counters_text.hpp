// What a client counted, as a table for people.
#pragma once

#include <havklo/latency.hpp>
#include <string>

namespace havklo {

[[nodiscard]] std::string counters_text(const ClientCounters& counters);

}  // namespace havklo
