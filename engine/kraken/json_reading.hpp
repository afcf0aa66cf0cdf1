// Values, objects and lists out of simdjson's On-Demand parser, each refusal as a DecodeError.
//
// For decode.cpp alone: it brings all of simdjson along. Owns nothing.
#pragma once

#include <simdjson.h>

#include <concepts>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
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
  const auto error = value.get_uint64().get(out);
  if (!error) return {};
  // Of a number below 0, with a point, or of 2^64 and more the parser says that it is of another
  // type.
  od::json_type type;
  if (error == simdjson::INCORRECT_TYPE && !value.type().get(type) &&
      type == od::json_type::number) {
    return fail(DecodeError::number_out_of_range);
  }
  return fail(classify(error));
}
// One that an event has less room for: never cut to it.
template <std::unsigned_integral Number>
requires(sizeof(Number) < sizeof(uint64_t)) Result read(od::value value, Number& out) {
  uint64_t number = 0;
  if (Result got = read(value, number); !got) return got;
  if (number > std::numeric_limits<Number>::max()) return fail(DecodeError::number_out_of_range);
  out = static_cast<Number>(number);
  return {};
}
inline Result read(od::value value, std::optional<uint64_t>& out) {
  uint64_t number = 0;
  const Result got = read(value, number);
  if (got) out = number;
  return got;
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
  const bool fits = parse_statistic(digits, out.value);
  return fits ? Result{} : fail(DecodeError::number_out_of_range);
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

// What belongs to a part of the message, not to its text: the parser goes on behind it.
inline bool is_partial(DecodeError error) { return error != DecodeError::not_json; }

// A value that is not what it should be says as much as no key at all: `out` stays as it is.
template <class Value>
Result read_if_possible(od::value value, Value& out) {
  const Result got = read(value, out);
  return got || is_partial(got.error()) ? Result{} : got;
}

// Calls f(key, value) for every field; f answers a Result. A null says as much as no key at all:
// some servers print what they leave out. An error that is not f's is not_json.
template <class F>
Result for_each_field(od::object object, F&& f) {
  for (auto item : object) {
    od::field field;
    if (const auto error = std::move(item).get(field)) return fail(classify(error));
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return fail(classify(error));
    bool is_null = false;  // what begins like null and is not is an error, not an exception
    if (field.value().is_null().get(is_null)) return fail(DecodeError::not_json);
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

// The same for the rows of a message: what is no list has none, what is no object names nobody.
template <class F>
Result for_each_readable_row(od::value data, F&& f) {
  od::array array;
  if (const auto error = data.get_array().get(array)) {
    return error == simdjson::INCORRECT_TYPE ? Result{} : fail(classify(error));
  }
  for (auto item : array) {
    od::object row;
    const auto error = item.get_object().get(row);
    if (error == simdjson::INCORRECT_TYPE) continue;
    if (error) return fail(classify(error));
    if (Result done = f(row); !done) return done;
  }
  return {};
}

// The row of a channel, by what the channel says of its fields (kraken/channel.hpp). What cannot be
// read is in row.fault, the first of it; of a row that is nobody's the symbol is empty. An error is
// what ends the message.
template <class C>
Result read_row(od::object object, typename C::Row& row) {
  row = {};
  uint32_t missing = 0;
  const auto each = [](auto&& f) {
    const auto call = [&f](const auto&... field) {
      uint32_t bit = 1;
      ((f(field, bit), bit <<= 1U), ...);
    };
    std::apply(call, C::fields);
  };
  each([&missing](const auto& field, uint32_t bit) { missing |= field.required ? bit : 0; });
  bool is_json = true;
  const Result fields = for_each_field(object, [&](std::string_view key, od::value value) {
    each([&](const auto& field, uint32_t bit) {
      if (key != field.key) return;
      auto& member = row.*field.member;
      const Result got = read(value, member);
      bool given = true;  // a symbol without a letter is none
      if constexpr (std::is_same_v<decltype(member), std::string_view&>) given = !member.empty();
      if (given) missing &= ~bit;
      if (got) return;
      if (row.fault.key.empty()) row.fault = {field.key, got.error()};
      is_json = is_json && is_partial(got.error());
    });
    return is_json ? Result{} : fail(DecodeError::not_json);
  });
  if (!fields) return fields;
  each([&](const auto& field, uint32_t bit) {
    if ((missing & bit) == 0 || !row.fault.key.empty()) return;
    row.fault = {field.key, DecodeError::missing_key};
  });
  return {};
}

}  // namespace havklo::kraken
