// The one thing of a path that needs arithmetic: was this certificate signed by that key?
//
// Errors: true, or the fault.
// Cost:   RSA-2048 some 10 us, P-256 some 35 us; allocates.
#pragma once

#include <havklo/reason.hpp>

#include "io/certificates/certificate.hpp"

namespace havklo::io {

// bad_signature, unsupported_algorithm, or none.
[[nodiscard]] CertificateFault check_signature(const Certificate& certificate,
                                               const PublicKey& issuer);
// Whether a key of a curve is a point of it. True of other keys.
[[nodiscard]] bool lies_on_its_curve(const PublicKey& key);

}  // namespace havklo::io
