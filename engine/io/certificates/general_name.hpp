// The names of a subjectAltName, of a name constraint or of a key identifier's issuer.
//
// Source: RFC 5280 §4.2.1.6.
#pragma once

#include <optional>

#include "io/certificates/der.hpp"

namespace havklo::io {

struct GeneralName {
  enum class Kind : uint8_t {  // the number of its context tag
    other_name,
    email,
    dns,
    x400,
    directory,  // `value` is the Name, whole
    edi_party,
    uri,
    ip,
    registered_id
  };
  Kind kind = Kind::other_name;
  der::Bytes value;

  // The next one of a sequence. None: nothing is left, or it is none (the reader has failed).
  [[nodiscard]] static std::optional<GeneralName> next(der::Reader& names);
};

// Whether all of it are names.
[[nodiscard]] bool are_general_names(der::Bytes sequence);

}  // namespace havklo::io
