// The line of JSON.
#include "replay/what_if/case.hpp"

#include <fmt/format.h>

#include <iterator>

#include "replay/text/printable.hpp"
#include "replay/venue/messages.hpp"

namespace havklo::replay {
namespace {

void append_figure(std::string& out, const Figure& figure) {
  const auto number = [](const std::optional<int64_t>& value) {
    return value ? std::to_string(*value) : std::string("null");
  };
  fmt::format_to(std::back_inserter(out), R"({{"recorded":{},"low":{},"high":{},"assumed":{}}})",
                 number(figure.recorded), number(figure.low), number(figure.high), figure.assumed);
}

void append_figure(std::string& out, std::string_view name, const Figure& figure) {
  fmt::format_to(std::back_inserter(out), R"(,"{}":)", name);
  append_figure(out, figure);
}

void append_books(std::string& out, std::string_view name,
                  const std::vector<std::pair<std::string, Figure>>& books) {
  fmt::format_to(std::back_inserter(out), R"(,"{}":{{)", name);
  bool first = true;
  for (const auto& [symbol, lost] : books) {
    if (!first) out += ',';
    first = false;
    append_json_text(out, printable(symbol));
    out += ':';
    append_figure(out, lost);
  }
  out += '}';
}

void append_outage(std::string& out, const OutageComparison& outage, Instant first_turn) {
  fmt::format_to(std::back_inserter(out),
                 R"({{"at_ns":{},"reason":"{}","recorded_outages":{},"what_if_outages":{})",
                 (outage.begin - first_turn).ns, to_string(outage.reason), outage.recorded_count,
                 outage.model_count);
  append_figure(out, "attempts", outage.attempts);
  append_figure(out, "breaker_trips", outage.trips);
  append_figure(out, "first_connect_ns", outage.first_connect_ns);
  append_figure(out, "all_clear_ns", outage.all_clear_ns);
  append_figure(out, "attempts_per_10_minutes", outage.attempts_in_ten_minutes);
  append_books(out, "books_lost_ns", outage.books_lost_ns);
  out += '}';
}

}  // namespace

std::string to_json(const WhatIfCase& one) {
  std::string out = R"({"havklo_what_if":1,"recording":)";
  append_json_text(out, printable(one.recording));
  out += R"(,"settings":)";
  append_json_text(out, printable(one.settings));
  if (!one.failure.empty()) {
    out += R"(,"failure":)";
    append_json_text(out, printable(one.failure));
    return out += '}';
  }
  out += R"(,"torn":)";
  append_json_text(out, printable(one.torn));
  out += R"(,"outages":[)";
  for (const OutageComparison& each : one.what_if.outages) {
    if (out.back() == '}') out += ',';
    append_outage(out, each, one.what_if.first_turn);
  }
  out += ']';
  append_books(out, "repairs_ns", one.what_if.repairs_ns);
  fmt::format_to(
      std::back_inserter(out),
      R"(,"attempts":{},"assumptions":{{"attempts":{},"disputed_attempts":{},"books":{},"answers":{},"not_given_back":{}}})"
      R"(,"rate_errors":{}}})",
      one.what_if.attempts, one.what_if.assumed_attempts, one.what_if.disputed_attempts,
      one.what_if.assumed_books, one.what_if.assumed_answers, one.what_if.doubted, one.rate_errors);
  return out;
}

}  // namespace havklo::replay
