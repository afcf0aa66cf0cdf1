// Text of nothing but digits.
#pragma once

#include <cstddef>
#include <havklo/random.hpp>
#include <string>

namespace havklo {

inline std::string random_digits(Random& random, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += static_cast<char>('0' + random.below(10));
  return text;
}

}  // namespace havklo
