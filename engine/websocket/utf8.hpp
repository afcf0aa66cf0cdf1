// UTF-8 validation, whole or in pieces.
//
// Owns:      the place inside a sequence that a piece ended in (Utf8Validator).
// Cost:      ASCII goes by 32 bytes a step with AVX2, 16 with SSE2, 8 without; else by bytes.
// Invariant: invalid input is noticed at the byte that makes it so, in any split.
// Source:    RFC 3629; Unicode table 3-7: no surrogates, no overlong forms, up to U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

namespace havklo::websocket {

class Utf8Validator {
 public:
  // False when the bytes seen so far cannot begin a valid text; then it stays so until reset().
  [[nodiscard]] bool feed(std::string_view bytes);
  // True when no sequence is left open.
  [[nodiscard]] bool complete() const { return missing_ == 0; }
  void reset() { *this = Utf8Validator(); }

 private:
  uint8_t missing_ = 0;  // continuation bytes still to come
  uint8_t low_ = 0x80;   // range of the next one
  uint8_t high_ = 0xBF;
};

[[nodiscard]] bool is_utf8(std::string_view text);

namespace detail {

template <class Word>
[[nodiscard]] inline Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline constexpr uint64_t high_bits = 0x8080808080808080;

// Below 32 bytes: two loads that may overlap cover everything.
[[nodiscard]] inline bool is_ascii_short(const char* data, size_t size) {
  if (size >= 16) {
    const uint64_t a = load<uint64_t>(data) | load<uint64_t>(data + 8);
    const uint64_t b = load<uint64_t>(data + size - 16) | load<uint64_t>(data + size - 8);
    return ((a | b) & high_bits) == 0;
  }
  if (size >= 8) {
    return ((load<uint64_t>(data) | load<uint64_t>(data + size - 8)) & high_bits) == 0;
  }
  if (size >= 4) {
    const uint32_t both = load<uint32_t>(data) | load<uint32_t>(data + size - 4);
    return (both & static_cast<uint32_t>(high_bits)) == 0;
  }
  unsigned char all = 0;
  for (size_t i = 0; i < size; ++i) all |= static_cast<unsigned char>(data[i]);
  return all < 0x80;
}

}  // namespace detail

// True when every byte is below 0x80. Reads nothing outside the text.
[[nodiscard]] inline bool is_ascii(std::string_view text) {
  const char* data = text.data();
  const size_t size = text.size();
  if (size < 32) return detail::is_ascii_short(data, size);
  const char* const last = data + size - 32;  // the last step may overlap the one before
#if defined(__AVX2__)
  const auto at = [](const char* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  };
  __m256i all = at(last);
  if (size >= 128) {
    // The first and the last 128 bytes, which are all of most messages: no branch depends on how
    // long those are.
    const auto four = [at](const char* p) {
      return _mm256_or_si256(_mm256_or_si256(at(p), at(p + 32)),
                             _mm256_or_si256(at(p + 64), at(p + 96)));
    };
    const char* const last_four = data + size - 128;
    all = _mm256_or_si256(four(data), four(last_four));
    for (data += 128; data < last_four; data += 128) all = _mm256_or_si256(all, four(data));
  } else {
    for (; data < last; data += 32) all = _mm256_or_si256(all, at(data));
  }
  return _mm256_movemask_epi8(all) == 0;
#elif defined(__SSE2__)
  const auto at = [](const char* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  };
  __m128i all = _mm_or_si128(at(last), at(last + 16));
  for (; data < last; data += 16) all = _mm_or_si128(all, at(data));
  return _mm_movemask_epi8(all) == 0;
#else
  uint64_t all = 0;
  for (; data < last; data += 8) all |= detail::load<uint64_t>(data);
  for (size_t i = 0; i < 32; i += 8) all |= detail::load<uint64_t>(last + i);
  return (all & detail::high_bits) == 0;
#endif
}

}  // namespace havklo::websocket
