// Tags, lengths, values.
#include "io/certificates/der.hpp"

#include <algorithm>
#include <bit>

namespace havklo::io::der {

namespace {

// X.690 §8.19: parts of seven bits each, none of which begins with zeros.
bool is_oid(Bytes value) {
  bool begins = true;
  for (const uint8_t each : value) {
    if (begins && each == 0x80) return false;
    begins = each < 0x80;
  }
  return !value.empty() && begins;
}

}  // namespace

std::optional<Element> Reader::next() {
  if (failed_ || rest_.empty()) return std::nullopt;
  failed_ = true;  // until it is whole
  if (rest_.size() < 2 || (rest_[0] & 0x1fU) == 0x1fU) return std::nullopt;
  size_t header = 2;
  size_t length = rest_[1];
  if (length >= 0x80) {
    const size_t length_bytes = length & 0x7fU;
    if (length_bytes == 0 || length_bytes > 3 || rest_.size() < 2 + length_bytes) {
      return std::nullopt;
    }
    length = 0;
    for (size_t i = 0; i < length_bytes; ++i) length = length << 8U | rest_[2 + i];
    const size_t least = length_bytes == 1 ? 0x80 : size_t{1} << (8 * (length_bytes - 1));
    if (length < least) return std::nullopt;
    header += length_bytes;
  }
  if (length > rest_.size() - header) return std::nullopt;
  const Element element{.tag = rest_[0],
                        .value = rest_.subspan(header, length),
                        .whole = rest_.first(header + length)};
  if (element.tag == tag::oid && !is_oid(element.value)) return std::nullopt;
  rest_ = rest_.subspan(header + length);
  failed_ = false;
  return element;
}

Bytes Reader::take(uint8_t tag) {
  if (!next_is(tag)) failed_ = true;
  const auto element = next();
  return element ? element->value : Bytes{};
}

Bytes Reader::take_whole(uint8_t tag) {
  if (!next_is(tag)) failed_ = true;
  const auto element = next();
  return element ? element->whole : Bytes{};
}

std::optional<Bytes> Reader::take_if(uint8_t tag) {
  if (!next_is(tag)) return std::nullopt;
  const auto element = next();
  if (!element) return std::nullopt;
  return element->value;
}

std::optional<Bytes> whole_bytes_of_bit_string(Bytes value) {
  if (value.empty() || value.front() != 0) return std::nullopt;
  return value.subspan(1);
}

bool is_integer(Bytes value) {
  if (value.empty()) return false;
  if (value.size() == 1) return true;
  const bool next_is_negative = (value[1] & 0x80U) != 0;
  return !(value[0] == 0 && !next_is_negative) && !(value[0] == 0xff && next_is_negative);
}

uint32_t bits_of_integer(Bytes value) {
  if (!is_integer(value) || is_negative(value)) return 0;
  if (value.front() == 0) value = value.subspan(1);
  if (value.empty()) return 0;
  return static_cast<uint32_t>(8 * (value.size() - 1)) +
         static_cast<uint32_t>(std::bit_width(value.front()));
}

bool equal(Bytes a, Bytes b) { return std::ranges::equal(a, b); }

}  // namespace havklo::io::der
