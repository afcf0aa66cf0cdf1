// What can be wrong with a message of the venue, or with a part of one.
#pragma once

#include <cstdint>
#include <string_view>

namespace havklo::kraken {

enum class DecodeError : uint8_t {
  not_json,             // not one JSON text
  wrong_type,           // a key that we need has a value of another type
  missing_key,          // a key that we need is absent
  number_out_of_range,  // no number, one that does not fit, or one below 0 where none belongs
  bad_timestamp,        // not RFC 3339 with at most nine digits of a second, or not 1970 to 2261
  too_many_rows,        // limits.hpp
};
[[nodiscard]] std::string_view to_string(DecodeError error);

}  // namespace havklo::kraken
