// Settings as TOML: the configuration file of the program, and the header of a recording.
//
//   url = "wss://ws.kraken.com/v2"
//   [reconnect]
//   initial_delay = "100ms"
//   [[subscription]]
//   channel = "book"
//   symbol = ["BTC/USD", "ETH/USD"]
//   depth = 10
//
// Tables: reconnect, circuit_breaker, timeouts, requests, feed, recording (path, max_size,
// max_age), engine (ring_slots, idle, network, cpu, seed, ca_file), subscription. Keys are the
// names of the settings; durations and sizes are text with a unit.
// A user has the way in, settings_from_toml() (config.hpp); here is the way out.
#pragma once

#include <havklo/config.hpp>
#include <string>

namespace havklo::replay {

// Every setting, defaults too, so that a later version with other defaults reads the same.
[[nodiscard]] std::string settings_to_toml(const Settings& settings);

}  // namespace havklo::replay
