// DER, as far as certificates use it: one element after another out of a span.
//
// Owns:   nothing; every span points into the bytes that were given.
// Errors: what is no DER (lengths that are not minimal or reach too far, tags of several bytes,
//         object identifiers that are none) makes the reader fail for good; what it has given
//         before stays valid.
// Cost:   O(1) an element, allocates nothing.
// Source: X.690 §8.1, §10.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace havklo::io::der {

using Bytes = std::span<const uint8_t>;

namespace tag {
inline constexpr uint8_t boolean = 0x01;
inline constexpr uint8_t integer = 0x02;
inline constexpr uint8_t bit_string = 0x03;
inline constexpr uint8_t octet_string = 0x04;
inline constexpr uint8_t null = 0x05;
inline constexpr uint8_t oid = 0x06;
inline constexpr uint8_t utf8_string = 0x0c;
inline constexpr uint8_t numeric_string = 0x12;
inline constexpr uint8_t printable_string = 0x13;
inline constexpr uint8_t t61_string = 0x14;
inline constexpr uint8_t ia5_string = 0x16;
inline constexpr uint8_t utc_time = 0x17;
inline constexpr uint8_t generalized_time = 0x18;
inline constexpr uint8_t universal_string = 0x1c;
inline constexpr uint8_t bmp_string = 0x1e;
inline constexpr uint8_t sequence = 0x30;
inline constexpr uint8_t set = 0x31;
// [n] of a context: primitive, or with elements inside.
[[nodiscard]] constexpr uint8_t context(unsigned number) {
  return static_cast<uint8_t>(0x80U | number);
}
[[nodiscard]] constexpr uint8_t context_constructed(unsigned number) {
  return static_cast<uint8_t>(0xa0U | number);
}
}  // namespace tag

struct Element {
  uint8_t tag = 0;
  Bytes value;
  Bytes whole;  // with tag and length
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  // All was read, and all was DER.
  [[nodiscard]] bool finished() const { return !failed_ && rest_.empty(); }
  [[nodiscard]] bool next_is(uint8_t tag) const {
    return !failed_ && !rest_.empty() && rest_.front() == tag;
  }

  // None: nothing is left, or it is no DER.
  [[nodiscard]] std::optional<Element> next();
  // The value of the next element, which must have this tag; or empty, and the reader has failed.
  [[nodiscard]] Bytes take(uint8_t tag);
  // The same, whole.
  [[nodiscard]] Bytes take_whole(uint8_t tag);
  // None: the next one has another tag, and stays.
  [[nodiscard]] std::optional<Bytes> take_if(uint8_t tag);
  void fail() { failed_ = true; }

 private:
  Bytes rest_;
  bool failed_ = false;
};

// Whole bits of a BIT STRING's value: none where its last byte is not full.
[[nodiscard]] std::optional<Bytes> whole_bytes_of_bit_string(Bytes value);
// Whether it is the value of an INTEGER: at least a byte, no padding.
[[nodiscard]] bool is_integer(Bytes value);
[[nodiscard]] inline bool is_negative(Bytes integer) { return (integer.front() & 0x80U) != 0; }
// Bits of a positive INTEGER; 0 of others.
[[nodiscard]] uint32_t bits_of_integer(Bytes value);

[[nodiscard]] bool equal(Bytes a, Bytes b);
[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace havklo::io::der
