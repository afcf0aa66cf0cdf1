// What the layouts that the venue is known to print have in common: fixed text, plain strings and
// numbers, the time. Each function refuses what is not plainly right; nobody is told why.
//
// Threads: functions, and a value that belongs to one reader.
// Reads:   at most 32 bytes from where it is asked to look, sixteen before it.
// Source:  kraken-v2.md §7.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/decimal.hpp>

#include "kraken/decode.hpp"
#include "kraken/digits.hpp"

namespace havklo::kraken::layout {

template <size_t size>
[[nodiscard]] inline bool is(const char* at, const char (&text)[size]) {
  constexpr size_t chars = size - 1;
#if HAVKLO_DIGITS_IN_REGISTERS
  if constexpr (chars > 32) {  // where the compiler would call the library
    const auto differ = [at, &text](size_t from) {
      const auto load = [from](const char* p) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + from));
      };
      return _mm256_xor_si256(load(at), load(text));
    };
    static_assert(chars <= 64);
    const __m256i any = _mm256_or_si256(differ(0), differ(chars - 32));
    return _mm256_testz_si256(any, any) != 0;
  }
#endif
  return std::memcmp(at, text, chars) == 0;
}
template <size_t size>
[[nodiscard]] constexpr size_t length(const char (&)[size]) {
  return size - 1;
}

// How many characters of a string stand at `at`; only those that JSON spells as they are. 0: more
// than 31, or something else.
[[nodiscard]] inline size_t plain_string(const char* at) {
  size_t chars = 0;
#if HAVKLO_DIGITS_IN_REGISTERS
  const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i printable = _mm256_cmpgt_epi8(text, detail::every_byte<0x1F>());  // above 0x7F: no
  const __m256i special = _mm256_or_si256(_mm256_cmpeq_epi8(text, detail::every_byte<'"'>()),
                                          _mm256_cmpeq_epi8(text, detail::every_byte<'\\'>()));
  const auto plain =
      static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_andnot_si256(special, printable)));
  chars = static_cast<size_t>(std::countr_one(plain));
#else
  while (chars < 32 && at[chars] > 0x1F && at[chars] != '"' && at[chars] != '\\') ++chars;
#endif
  return chars < 32 && at[chars] == '"' ? chars : 0;
}

// Numbers of more than sixteen digits: rare enough for a loop over them.
[[nodiscard]] inline bool read_long_number(const char* at, Decimal& value, const char*& end) {
  constexpr size_t chars_max = 21;
  size_t chars = 0;
  while (chars < chars_max && ((at[chars] >= '0' && at[chars] <= '9') || at[chars] == '.')) ++chars;
  end = at + chars;
  return parse_decimal({at, chars}, value);
}

// A whole number as JSON writes it, up to sixteen digits; `at` moves behind it.
[[nodiscard]] inline bool read_whole_number(const char*& at, uint64_t& value) {
  Digits digits;
  if (!read_digits(at, digits) || digits.places != 0) return false;
  if (*at == '0' && digits.end - at > 1) return false;
  value = digits.mantissa;
  at = digits.end;
  return true;
}

inline constexpr size_t timestamp_chars = 27;  // "2026-07-07T23:00:03.977459Z"

// Owns: the minute that it met last, so that a date is worked out once a minute.
class TimestampReader {
 public:
  [[nodiscard]] bool read(const char* at, int64_t& ns) {
    // Seconds and their fraction, "03.977459", stand behind the minute and a colon.
    constexpr size_t second_at = 17;
    uint64_t second_us = 0;
    if (at[second_at - 1] != ':' || at[timestamp_chars - 1] != 'Z') return false;
    if (!read_seconds(at + second_at, second_us) || second_us >= 61'000'000) return false;
    const auto second_ns = static_cast<int64_t>(second_us) * 1000;
    if (std::memcmp(at, minute_text_.data(), minute_text_.size()) != 0) {
      int64_t whole_ns = 0;
      if (!parse_timestamp({at, timestamp_chars}, whole_ns)) return false;
      minute_ns_ = whole_ns - second_ns;
      std::memcpy(minute_text_.data(), at, minute_text_.size());
    }
    ns = minute_ns_ + second_ns;
    return true;
  }

 private:
  // "2026-07-07T23:00" and when it was; true from the beginning, so that no text is a wrong hit.
  std::array<char, 16> minute_text_{'1', '9', '7', '0', '-', '0', '1', '-',
                                    '0', '1', 'T', '0', '0', ':', '0', '0'};
  int64_t minute_ns_ = 0;
};

}  // namespace havklo::kraken::layout
