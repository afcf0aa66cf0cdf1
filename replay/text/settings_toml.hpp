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
// Tables: reconnect, circuit_breaker, timeouts, requests, recording (path, max_size, max_age),
// engine (ring_slots, idle, network, cpu, seed, ca_file), subscription. Keys are the names of the
// settings; durations and sizes are text with a unit.
// Errors: one line with the place and what to change; an unknown key names the nearest known one.
// What is said here is the shape; validate() says what is allowed.
#pragma once

#include <expected>
#include <havklo/config.hpp>
#include <string>
#include <string_view>

namespace havklo::replay {

// `source` stands in errors: the file's name. What the text does not say stays as `base` has it;
// subscriptions are added to those of `base`.
[[nodiscard]] std::expected<Settings, std::string> settings_from_toml(std::string_view text,
                                                                      std::string_view source,
                                                                      const Settings& base = {});

// Every setting, defaults too, so that a later version with other defaults reads the same.
[[nodiscard]] std::string settings_to_toml(const Settings& settings);

}  // namespace havklo::replay
