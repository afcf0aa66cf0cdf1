// By the system's own two functions.
#include "addresses/address_text.hpp"

#include <arpa/inet.h>

#include <array>

namespace havklo::addresses {

Endpoint parse_address(std::string_view text, uint16_t port) {
  Endpoint endpoint{.port = port};
  if (text.find('\0') != std::string_view::npos) return endpoint;  // inet_pton would not see it
  const std::string copy(text);
  if (inet_pton(AF_INET, copy.c_str(), endpoint.address.data()) == 1) {
    endpoint.family = 4;
  } else if (inet_pton(AF_INET6, copy.c_str(), endpoint.address.data()) == 1) {
    endpoint.family = 6;
  }
  return endpoint;
}

std::string address_text(const Endpoint& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = endpoint.family == 4 ? AF_INET : AF_INET6;
  return inet_ntop(family, endpoint.address.data(), text.data(), text.size());
}

}  // namespace havklo::addresses
