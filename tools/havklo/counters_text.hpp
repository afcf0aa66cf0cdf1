// What a client counted, as a table for people.
#pragma once

#include <cstdint>
#include <havklo/latency.hpp>
#include <havklo/session_counters.hpp>
#include <string>

namespace havklo {

[[nodiscard]] std::string counters_text(const ClientCounters& counters);
[[nodiscard]] std::string counters_text(uint8_t session, const SessionCounters& counters);

}  // namespace havklo
