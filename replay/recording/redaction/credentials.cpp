// The path by its parts, the query by its values.
#include "replay/recording/redaction/credentials.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace havklo::replay {
namespace {

constexpr std::string_view replacement = "redacted";

// What paths of public feeds are made of; a word that stands here is never a secret.
constexpr std::array<std::string_view, 44> public_words = {
    "api",     "beta",   "book",      "books",  "candles", "data",     "demo",   "depth",
    "echo",    "events", "exchange",  "feed",   "feeds",   "futures",  "health", "index",
    "inverse", "linear", "live",      "market", "markets", "md",       "ohlc",   "options",
    "prod",    "public", "quotes",    "raw",    "rt",      "realtime", "socket", "spot",
    "stable",  "stream", "streams",   "swap",   "test",    "testnet",  "ticker", "tickers",
    "trade",   "trades", "websocket", "ws"};

bool is_number(std::string_view text) {
  constexpr size_t digits_max = 3;
  return !text.empty() && text.size() <= digits_max &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_public_word(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool version = lower.starts_with('v') && is_number(std::string_view(lower).substr(1));
  return version || is_number(lower) ||
         std::ranges::find(public_words, lower) != public_words.end();
}

// Words between the marks that join them, as in `market-data` and `v1.2`.
bool is_public(std::string_view part) {
  while (!part.empty()) {
    const size_t end = std::min(part.find_first_of("-_."), part.size());
    if (end != 0 && !is_public_word(part.substr(0, end))) return false;
    part.remove_prefix(std::min(end + 1, part.size()));
  }
  return true;
}

// Calls `visit(what stands before it, credential)` for each, and returns what stands behind the
// last.
template <class Visit>
std::string_view for_each_credential(std::string_view url, const Visit& visit) {
  const size_t scheme = url.find("://");
  const size_t authority = scheme == std::string_view::npos ? 0 : scheme + 3;
  size_t done = 0;
  size_t at = std::min(url.find_first_of("/?", authority), url.size());
  const auto found = [&](size_t begin, size_t end) {
    visit(url.substr(done, begin - done), url.substr(begin, end - begin));
    done = end;
  };
  while (at < url.size() && url[at] == '/') {
    const size_t begin = at + 1;
    at = std::min(url.find_first_of("/?", begin), url.size());
    if (!is_public(url.substr(begin, at - begin))) found(begin, at);
  }
  while (at < url.size()) {
    const size_t begin = at + 1;
    at = std::min(url.find('&', begin), url.size());
    const size_t mark = url.substr(begin, at - begin).find('=');
    const size_t value = mark == std::string_view::npos ? begin : begin + mark + 1;
    if (value != at) found(value, at);
  }
  return url.substr(done);
}

}  // namespace

std::string without_credentials(std::string_view url) {
  std::string out;
  const std::string_view rest =
      for_each_credential(url, [&out](std::string_view before, std::string_view) {
        out.append(before).append(replacement);
      });
  return out.append(rest);
}

std::vector<std::string_view> credentials_in(std::string_view url) {
  std::vector<std::string_view> all;
  for_each_credential(
      url, [&all](std::string_view, std::string_view credential) { all.push_back(credential); });
  return all;
}

}  // namespace havklo::replay
