// Throw-away certificates: a CA made for one run, and server certificates signed by it.
//
// For the embedded venue and for tests. Nothing made here outlives the files it is written to.
// Cost: two signatures on P-256; allocates.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "io/tls/stream.hpp"

namespace havklo::io {

struct CertificateNames {
  std::vector<std::string> hosts{"localhost"};
  std::vector<std::string> addresses{"127.0.0.1", "::1"};
};

struct Validity {
  int64_t from_s = -86'400;      // relative to now
  int64_t until_s = 7 * 86'400;  // relative to now; in the past: an expired certificate
};

// The error is one line.
class CertificateAuthority {
 public:
  [[nodiscard]] static std::expected<CertificateAuthority, std::string> make();

  // For others to trust.
  [[nodiscard]] const std::string& certificate_pem() const { return certificate_pem_; }
  [[nodiscard]] std::expected<ServerIdentity, std::string> issue(const CertificateNames& names = {},
                                                                 Validity validity = {}) const;

 private:
  std::string certificate_pem_;
  std::vector<uint8_t> certificate_der_;
  std::vector<uint8_t> key_der_;
};

}  // namespace havklo::io
