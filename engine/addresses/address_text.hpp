// Addresses as people write them: "10.0.0.1", "::1".
//
// Owns nothing. Source: inet_pton(3).
#pragma once

#include <cstdint>
#include <havklo/transport.hpp>
#include <string>
#include <string_view>

namespace havklo::addresses {

// Family 0 if the text is no address.
[[nodiscard]] Endpoint parse_address(std::string_view text, uint16_t port);

// Without the port.
[[nodiscard]] std::string address_text(const Endpoint& endpoint);

}  // namespace havklo::addresses
