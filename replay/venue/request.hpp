// What a client asks of the venue, read from its JSON.
//
// Owns nothing; a function from text to a request.
// Written apart from engine/kraken on purpose: a mistake in the engine's encoder must not be
// forgiven by a reader that shares it.
// Cost: allocates; requests are rare.   Source: kraken-v2, 4.3 and 5.1; RFC 8259.
#pragma once

#include <cstdint>
#include <havklo/channel.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

struct VenueRequest {
  bool well_formed = false;  // a JSON object with a method
  std::string method;
  bool has_params = false;
  std::string channel;
  std::vector<std::string> symbols;
  std::map<std::string, int64_t> numbers;  // "depth", "interval"
  std::optional<bool> snapshot;
  std::string event_trigger;
  std::optional<int64_t> req_id;
};

// Symbol by symbol what a (un)subscribe is about: one "" for a channel that names none. Empty: a
// channel that there is not, or no symbol.
[[nodiscard]] std::vector<std::string> symbols_asked(const VenueRequest& request);

// What it says of the channel's parameter, or what the venue takes when it says nothing; 0: the
// channel has none.
[[nodiscard]] int64_t parameter_in(const VenueRequest& request, Channel channel);

[[nodiscard]] VenueRequest parse_request(std::string_view json);

}  // namespace havklo::replay
