// A level from two numbers.
#include "kraken/message.hpp"

#include <array>
#include <charconv>

#include "kraken/checksum.hpp"

namespace havklo::kraken {

WireLevel::WireLevel(Decimal price, Decimal qty)
    : price_mantissa(price.mantissa),
      qty_mantissa(qty.mantissa),
      price_exponent(price.exponent),
      qty_exponent(qty.exponent) {
  std::array<char, level_chars_max> text;
  char* out = text.data();
  for (const int64_t mantissa : {price.mantissa, qty.mantissa}) {
    if (mantissa > 0) out = std::to_chars(out, text.data() + text.size(), mantissa).ptr;
  }
  chars = static_cast<uint8_t>(out - text.data());
  remainder = remainder_of({text.data(), chars});
}

}  // namespace havklo::kraken
