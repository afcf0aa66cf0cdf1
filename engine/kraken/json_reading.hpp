// Values, objects and lists out of simdjson's On-Demand parser, each refusal as a DecodeError.
//
// For decode.cpp alone: it brings all of simdjson along. Owns nothing.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <expected>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "kraken/channel.hpp"
#include "kraken/decode.hpp"

namespace havklo::kraken {

namespace od = simdjson::ondemand;
using Result = std::expected<void, DecodeError>;

inline std::unexpected<DecodeError> fail(DecodeError error) { return std::unexpected(error); }

inline DecodeError classify(simdjson::error_code error) {
  switch (error) {
    case simdjson::INCORRECT_TYPE:
      return DecodeError::wrong_type;
    case simdjson::NO_SUCH_FIELD:
      return DecodeError::missing_key;
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return DecodeError::number_out_of_range;
    default:
      return DecodeError::not_json;
  }
}

inline Result read(od::value value, std::string_view& out) {
  if (const auto error = value.get_string().get(out)) return fail(classify(error));
  return {};
}
inline Result read(od::value value, uint64_t& out) {
  if (const auto error = value.get_uint64().get(out)) return fail(classify(error));
  return {};
}
// The digits; the token ends with white space or punctuation, which a number never holds.
inline Result read_number(od::value value, std::string_view& digits) {
  od::json_type type;
  if (const auto error = value.type().get(type)) return fail(classify(error));
  if (type != od::json_type::number) return fail(DecodeError::wrong_type);
  digits = value.raw_json_token();
  while (!digits.empty() && static_cast<unsigned char>(digits.back()) <= ' ') {
    digits.remove_suffix(1);
  }
  return {};
}
// A price or a quantity: never below 0, and exact.
inline Result read(od::value value, Decimal& out) {
  std::string_view digits;
  if (Result got = read_number(value, digits); !got) return got;
  const bool fits = parse_decimal(digits, out) && out.mantissa >= 0;
  return fits ? Result{} : fail(DecodeError::number_out_of_range);
}
inline Result read(od::value value, Statistic& out) {
  std::string_view digits;
  if (Result got = read_number(value, digits); !got) return got;
  const bool has_power = digits.find_first_of("eE") != std::string_view::npos;
  while (!parse_decimal(digits, out.value)) {
    const bool has_places = digits.find('.') != std::string_view::npos;
    if (has_power || !has_places) return fail(DecodeError::number_out_of_range);
    digits.remove_suffix(digits[digits.size() - 2] == '.' ? 2 : 1);
  }
  return {};
}
inline Result read(od::value value, VenueTime& out) {
  std::string_view text;
  if (Result got = read(value, text); !got) return got;
  return parse_timestamp(text, out.ns) ? Result{} : fail(DecodeError::bad_timestamp);
}
template <class Word>
requires std::is_enum_v<Word> Result read(od::value value, Word& out) {
  std::string_view text;
  if (Result got = read(value, text); !got) return got;
  return parse_word(text, out) ? Result{} : fail(DecodeError::wrong_type);
}

// Calls f(key, value) for every field; f answers a Result. A null says as much as no key at all:
// some servers print what they leave out.
template <class F>
Result for_each_field(od::object object, F&& f) {
  for (auto item : object) {
    od::field field;
    if (const auto error = std::move(item).get(field)) return fail(classify(error));
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return fail(classify(error));
    bool is_null = false;  // what begins like null and is not is an error, not an exception
    if (const auto error = field.value().is_null().get(is_null)) return fail(classify(error));
    if (is_null) continue;
    if (Result done = f(key, field.value()); !done) return done;
  }
  return {};
}

template <class F>
Result for_each_row(od::value data, F&& f) {
  od::array array;
  if (const auto error = data.get_array().get(array)) return fail(classify(error));
  for (auto item : array) {
    od::object row;
    if (const auto error = item.get_object().get(row)) return fail(classify(error));
    if (Result done = f(row); !done) return done;
  }
  return {};
}

// The row of a channel, by what the channel says of its fields (kraken/channel.hpp).
template <class C>
Result read_row(od::object object, typename C::Row& row) {
  row = {};
  uint32_t missing = 0;
  const auto each = [&missing](auto&& f) {
    std::apply(
        [&](const auto&... field) {
          uint32_t bit = 1;
          ((f(field, bit), bit <<= 1U), ...);
        },
        C::fields);
  };
  each([&missing](const auto& field, uint32_t bit) { missing |= field.required ? bit : 0; });
  const Result fields = for_each_field(object, [&](std::string_view key, od::value value) {
    Result done;
    each([&](const auto& field, uint32_t bit) {
      if (key != field.key) return;
      auto& member = row.*field.member;
      done = read(value, member);
      bool given = true;  // a symbol without a letter is none
      if constexpr (std::is_same_v<decltype(member), std::string_view&>) given = !member.empty();
      if (given) missing &= ~bit;
    });
    return done;
  });
  if (!fields) return fields;
  return missing == 0 ? Result{} : fail(DecodeError::missing_key);
}

}  // namespace havklo::kraken
