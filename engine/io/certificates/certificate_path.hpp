// Whether what a server showed leads to a trusted root: the verdict that OpenSSL gives at security
// level 2, for a TLS server.
//
// Of several paths one that holds is enough: an expired cross certificate beside a good one does no
// harm. Nothing is asked for over the network: no CRL, no OCSP, no missing certificate.
// Owns:   nothing.
// Cost:   parses what came and verifies a signature for each link: two of P-256 take 80 us, two of
//         RSA-2048 27 us.
//         Bounded, whatever a server shows: signature_checks_max, path_certificates_max.
// Source: RFC 5280 §6.1, RFC 9525; where OpenSSL is stricter or looser, OpenSSL (tests/io/TLS.md).
#pragma once

#include <havklo/reason.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "io/certificates/certificate.hpp"
#include "io/certificates/trust_store.hpp"

namespace havklo::io {

inline constexpr uint32_t signature_checks_max = 64;
inline constexpr size_t path_certificates_max = 34;  // what wolfSSL takes from a peer, and a root
inline constexpr uint32_t rsa_bits_min = 2048;
inline constexpr uint32_t rsa_bits_max = 4096;  // that wolfSSL computes with
inline constexpr uint32_t curve_bits_min = 224;

struct CertificateVerdict {
  CertificateFault fault = CertificateFault::none;
  std::vector<der::Bytes> path{};  // the server's first, the anchor last; empty when refused
};

// `shown`: as the server sent them, its own first. `host`: what it was asked for as, a name or an
// address.
[[nodiscard]] CertificateVerdict judge_server(std::span<const der::Bytes> shown,
                                              const TrustStore& store, std::string_view host,
                                              int64_t now_s);

}  // namespace havklo::io
