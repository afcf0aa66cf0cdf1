// The fields, one by one: a missing one is an error.
#include "havklo/what_if_json.hpp"

#include <simdjson.h>

#include <limits>

#include "havklo/json_fault.hpp"
#include "replay/text/printable.hpp"

namespace havklo {
namespace {

using simdjson::dom::element;

std::optional<int64_t> number_or_null(element node) {
  if (node.is_null()) return std::nullopt;
  return node.get_int64();
}

replay::Figure figure_from(element node) {
  return {.recorded = number_or_null(node["recorded"]),
          .low = number_or_null(node["low"]),
          .high = number_or_null(node["high"]),
          .assumed = node["assumed"].get_bool()};
}

std::vector<std::pair<std::string, replay::Figure>> books_from(element node) {
  std::vector<std::pair<std::string, replay::Figure>> books;
  for (const auto& [symbol, lost] : node.get_object()) {
    books.emplace_back(replay::printable(symbol), figure_from(lost));
  }
  return books;
}

uint32_t small_number(element node) {
  const uint64_t value = node.get_uint64();
  if (value > std::numeric_limits<uint32_t>::max()) {
    throw simdjson::simdjson_error(simdjson::NUMBER_OUT_OF_RANGE);
  }
  return static_cast<uint32_t>(value);
}

Reason reason_from(std::string_view name) {
  for (uint8_t i = 0; i < reason_count; ++i) {
    if (to_string(static_cast<Reason>(i)) == name) return static_cast<Reason>(i);
  }
  throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
}

replay::OutageComparison outage_from(element node) {
  replay::OutageComparison outage;
  outage.begin = Instant{node["at_ns"].get_int64()};
  outage.reason = reason_from(node["reason"]);
  outage.recorded_count = small_number(node["recorded_outages"]);
  outage.model_count = small_number(node["what_if_outages"]);
  outage.in_recording = outage.recorded_count != 0;
  outage.in_model = outage.model_count != 0;
  outage.attempts = figure_from(node["attempts"]);
  outage.trips = figure_from(node["breaker_trips"]);
  outage.first_connect_ns = figure_from(node["first_connect_ns"]);
  outage.all_clear_ns = figure_from(node["all_clear_ns"]);
  outage.attempts_in_ten_minutes = figure_from(node["attempts_per_10_minutes"]);
  outage.books_lost_ns = books_from(node["books_lost_ns"]);
  return outage;
}

}  // namespace

std::expected<replay::WhatIfCase, std::string> what_if_case_from_json(std::string_view text) {
  replay::WhatIfCase one;
  try {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(text);
    const element root = parser.parse(padded);
    if (root["havklo_what_if"].get_uint64() != 1) return std::unexpected("of another version");
    one.recording = replay::printable(std::string_view(root["recording"]));
    one.settings = replay::printable(std::string_view(root["settings"]));
    if (const auto failure = root["failure"]; failure.error() == simdjson::SUCCESS) {
      one.failure = replay::printable(std::string_view(failure));
      return one;
    }
    one.torn = replay::printable(std::string_view(root["torn"]));
    for (const element each : root["outages"].get_array()) {
      one.what_if.outages.push_back(outage_from(each));
    }
    one.what_if.repairs_ns = books_from(root["repairs_ns"]);
    one.what_if.attempts = root["attempts"].get_uint64();
    const element assumptions = root["assumptions"];
    one.what_if.assumed_attempts = assumptions["attempts"].get_uint64();
    one.what_if.disputed_attempts = assumptions["disputed_attempts"].get_uint64();
    one.what_if.assumed_books = assumptions["books"].get_uint64();
    one.what_if.assumed_answers = assumptions["answers"].get_uint64();
    uint64_t doubted = 0;  // lines of before 2.1 do not count them
    if (assumptions["not_given_back"].get(doubted) == simdjson::SUCCESS) {
      one.what_if.doubted = doubted;
    }
    one.rate_errors = root["rate_errors"].get_uint64();
  } catch (const simdjson::simdjson_error& error) {
    return std::unexpected(json_fault("havklo replay --with --json", error.error()));
  }
  return one;
}

}  // namespace havklo
