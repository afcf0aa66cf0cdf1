// A sample of each text; what varies in them are numbers, dates and symbols.
#include "replay/recording/redaction/protocol_words.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace havklo::replay {
namespace {

// As websocket/handshake.cpp reads them, in any case.
constexpr std::array<std::string_view, 2> answers = {
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: \r\nSec-WebSocket-Extensions: \r\nSec-WebSocket-Protocol: \r\n",
    "HTTP/1.0 503 Service Unavailable\r\nDate: \r\nRetry-After: \r\n"};

// As kraken/decode.cpp and core/wishes/subscriptions.cpp read them.
constexpr std::array<std::string_view, 20> messages = {
    R"({"channel":"status","type":"update","data":[{"version":"","system":"online",)"
    R"("api_version":"v2","connection_id":0}]})",
    R"("system":"maintenance")",
    R"("system":"cancel_only")",
    R"("system":"post_only")",
    R"({"channel":"heartbeat"})",
    R"({"method":"pong","req_id":0,"time_in":"","time_out":""})",
    R"({"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,"symbol":""},)"
    R"("success":true,"time_in":"","time_out":"","req_id":0})",
    R"({"error":"Subscription Not Found","method":"unsubscribe","success":false,"symbol":""})",
    R"({"error":"Already subscribed","method":"subscribe","success":false})",
    R"({"error":"Subscription depth not supported"})",
    R"({"error":"Currency pair not supported BTC/USD"})",
    R"({"error":"Currency pair not in ISO 4217-A3 format BTC/USD"})",
    R"({"error":"Pair(s) not found"})",
    R"({"Error":"Exceeded msg rate"})",
    R"({"channel":"book","type":"snapshot","data":[{"symbol":"","bids":[{"price":0,"qty":0}],)"
    R"("asks":[{"price":0,"qty":0}],"checksum":0,"timestamp":""}]})",
    R"({"channel":"trade","type":"update","data":[{"symbol":"","side":"sell","price":0,"qty":0,)"
    R"("ord_type":"market","trade_id":0,"timestamp":""}],"side":"buy","type":"snapshot"})",
    R"({"channel":"ticker","type":"update","data":[{"symbol":"","bid":0,"bid_qty":0,"ask":0,)"
    R"("ask_qty":0,"last":0,"volume":0,"vwap":0,"low":0,"high":0,"change":0,"change_pct":0}]})",
    R"({"channel":"ohlc","type":"update","data":[{"symbol":"","open":0,"high":0,"low":0,"close":0,)"
    R"("vwap":0,"trades":0,"volume":0,"interval_begin":"","interval":1,"timestamp":""}]})",
    R"({"channel":"instrument","type":"update","data":{"assets":[],"pairs":[{"symbol":"",)"
    R"("status":"online","qty_precision":0,"qty_increment":0,"price_precision":0,)"
    R"("price_increment":0,"qty_min":0}]}})",
    R"(cancel_only delisted limit_only maintenance online post_only reduce_only work_in_progress)"};

// A time of RFC 3339 has 35 characters at most, a number that fits fewer, a connection's id 20
// digits.
constexpr size_t number_or_date_bytes_max = 35;
constexpr size_t number_digits_max = 20;

// The letters of a number (1e-08), of RFC 3339 and of the dates of HTTP.
constexpr std::array<std::string_view, 30> words = {
    "e",        "t",      "z",   "gmt",    "mon",     "tue",       "wed",      "thu",
    "fri",      "sat",    "sun", "monday", "tuesday", "wednesday", "thursday", "friday",
    "saturday", "sunday", "jan", "feb",    "mar",     "apr",       "may",      "jun",
    "jul",      "aug",    "sep", "oct",    "nov",     "dec"};
constexpr std::string_view marks = "+-.:,";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

bool has(std::string_view text, std::string_view part) {
  return !std::ranges::search(text, part, {}, lower, lower).empty();
}

// Takes a run of such characters from the front.
std::string_view take(std::string_view& text, bool (*is)(char)) {
  const auto end = std::ranges::find_if_not(text, is);
  const std::string_view run(text.begin(), end);
  text.remove_prefix(run.size());
  return run;
}

bool is_known_word(std::string_view word) {
  return std::ranges::any_of(
      words, [word](std::string_view known) { return std::ranges::equal(word, known, {}, lower); });
}

// Words, digits and the marks between them.
bool is_number_or_date(std::string_view text) {
  if (text.size() > number_or_date_bytes_max) return false;
  while (!text.empty()) {
    const std::string_view word = take(text, is_letter);
    const std::string_view digits = take(text, is_digit);
    const std::string_view between = take(text, [](char c) { return marks.contains(c); });
    if (word.empty() && digits.empty() && between.empty()) return false;
    if (!word.empty() && !is_known_word(word)) return false;
    if (digits.size() > number_digits_max) return false;
  }
  return true;
}

}  // namespace

bool is_said_anyway(std::string_view text) {
  const auto said = [text](std::string_view sample) { return has(sample, text); };
  return is_number_or_date(text) || std::ranges::any_of(answers, said) ||
         std::ranges::any_of(messages, said);
}

}  // namespace havklo::replay
