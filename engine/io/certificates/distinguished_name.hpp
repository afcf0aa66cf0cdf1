// Distinguished names in the form in which two of them are compared.
//
// Text is compared as RFC 5280 §7.1 asks, and as OpenSSL does: whatever its string type, without
// regard to the case of ASCII letters, spaces at the ends and repeated spaces.
// Errors: none where it is no name, or text is not what its type says.
// Cost:   O(n); allocates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/certificates/der.hpp"

namespace havklo::io {

struct DistinguishedName {
  // Each RDN behind its length: equal names have equal texts, and a name within the subtree of
  // another begins with that one's.
  std::string comparable;
  bool has_odd_email = false;        // an emailAddress that is no IA5String
  std::vector<der::Bytes> emails{};  // of its emailAddress attributes

  [[nodiscard]] bool empty() const { return comparable.empty(); }
  // `whole`: SEQUENCE OF RDN, with tag and length.
  [[nodiscard]] static std::optional<DistinguishedName> parse(der::Bytes whole);
};

}  // namespace havklo::io
