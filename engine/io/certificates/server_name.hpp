// Whether a certificate is the named server's: RFC 9525, and where that leaves a choice, as OpenSSL
// decides without partial wildcards and without the subject.
#pragma once

#include <array>
#include <havklo/reason.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "io/certificates/certificate.hpp"

namespace havklo::io {

// An address in text, as its bytes; none: it is a name.
struct AddressBytes {
  std::array<uint8_t, 16> bytes{};
  size_t size = 0;
};
[[nodiscard]] std::optional<AddressBytes> parse_address(std::string_view host);

// The name as SNI, certificates and HTTP have it: "venue.test." is absolute in the resolver, and
// has no dot at the end anywhere else (RFC 6066 §3).
[[nodiscard]] std::string_view without_root_dot(std::string_view host);

// none, no_names or wrong_name. A name is compared with dNSName alone, an address with iPAddress.
[[nodiscard]] CertificateFault check_server_name(const Certificate& certificate,
                                                 std::string_view host);

}  // namespace havklo::io
