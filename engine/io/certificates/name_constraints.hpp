// Whether the names of a certificate lie where an issuer above it may give names.
//
// A kind of name that a constraint names and that is not understood is refused, not passed over.
// Cost:   each name against each subtree; `compares_left` bounds that over a whole verdict.
// Source: RFC 5280 §4.2.1.10; OpenSSL's reading of it (a DNS constraint with or without a leading
//         dot; the host of a URI).
#pragma once

#include <cstdint>

#include "io/certificates/certificate.hpp"

namespace havklo::io {

[[nodiscard]] bool is_permitted(const Certificate& certificate, der::Bytes constraints,
                                uint32_t& compares_left);

}  // namespace havklo::io
