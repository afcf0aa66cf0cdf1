// UTF-8 validation, whole or in pieces.
#include "websocket/utf8.hpp"

namespace havklo::websocket {
namespace {

// What a first byte asks of the bytes behind it: how many, and the range of the next one.
struct Sequence {
  uint8_t missing = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

constexpr uint8_t never = 0xFF;  // as `missing`: nothing valid can follow

constexpr Sequence sequence_of(uint8_t first) {
  if (first < 0x80) return {0, 0x80, 0xBF};
  if (first < 0xC2) return {never, 1, 0};  // a continuation byte, or an overlong form
  if (first < 0xE0) return {1, 0x80, 0xBF};
  if (first == 0xE0) return {2, 0xA0, 0xBF};  // below: overlong
  if (first == 0xED) return {2, 0x80, 0x9F};  // above: surrogates
  if (first < 0xF0) return {2, 0x80, 0xBF};
  if (first == 0xF0) return {3, 0x90, 0xBF};  // below: overlong
  if (first < 0xF4) return {3, 0x80, 0xBF};
  if (first == 0xF4) return {3, 0x80, 0x8F};  // above: beyond U+10FFFF
  return {never, 1, 0};
}

// Length of the ASCII run at the front, rounded down to whole steps: the rest goes byte by byte.
size_t ascii_steps(std::string_view bytes) {
  size_t i = 0;
  while (bytes.size() - i >= 32 && is_ascii(bytes.substr(i, 32))) i += 32;
  while (bytes.size() - i >= 8 && is_ascii(bytes.substr(i, 8))) i += 8;
  return i;
}

}  // namespace

bool Utf8Validator::feed(std::string_view bytes) {
  size_t i = 0;
  bool try_ascii = true;  // again after each sequence that was followed by ASCII
  while (i < bytes.size()) {
    if (missing_ == 0 && try_ascii) {
      i += ascii_steps(bytes.substr(i));
      try_ascii = false;
      continue;
    }
    const auto byte = static_cast<uint8_t>(bytes[i++]);
    if (missing_ == 0) {
      const Sequence next = sequence_of(byte);
      missing_ = next.missing;
      low_ = next.low;
      high_ = next.high;
      if (missing_ == never) return false;
      continue;
    }
    if (byte < low_ || byte > high_) {
      missing_ = never;
      low_ = 1;
      high_ = 0;
      return false;
    }
    low_ = 0x80;
    high_ = 0xBF;
    --missing_;
    try_ascii = missing_ == 0 && i < bytes.size() && static_cast<uint8_t>(bytes[i]) < 0x80;
  }
  return missing_ != never;
}

bool is_utf8(std::string_view text) {
  Utf8Validator validator;
  return validator.feed(text) && validator.complete();
}

}  // namespace havklo::websocket
