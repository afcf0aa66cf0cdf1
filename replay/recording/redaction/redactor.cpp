// Two matchers, byte by byte: reads are cut anywhere.
#include "replay/recording/redaction/redactor.hpp"

#include <algorithm>

#include "replay/recording/redaction/protocol_words.hpp"

namespace havklo::replay {
namespace {

constexpr std::string_view replacement = "redacted";
constexpr std::string_view cookie_name = "set-cookie:";
constexpr std::byte mask_byte{'x'};

// Where the three digits of "HTTP/1.1 103 Early Hints" are.
constexpr size_t status_at = 9;
constexpr size_t status_end = 12;

// A shorter value would be found by chance.
constexpr size_t secret_bytes_min = 8;

// Calls `visit(key with its =, value)` for each part of a query.
template <class Visit>
void for_each_part(std::string_view query, const Visit& visit) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    const size_t value = part.find('=') == std::string_view::npos ? 0 : part.find('=') + 1;
    visit(part.substr(0, value), part.substr(value));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
  }
}

std::string_view query_of(std::string_view url) {
  const size_t mark = url.find('?');
  return mark == std::string_view::npos ? std::string_view{} : url.substr(mark + 1);
}

bool is_in_symbol(std::string_view text, std::span<const Settings> sessions) {
  for (const Settings& session : sessions) {
    for (const SubscriptionSettings& each : session.subscriptions) {
      for (const std::string& symbol : each.symbols) {
        if (symbol.contains(text)) return true;
      }
    }
  }
  return false;
}

std::vector<uint32_t> fallback_of(std::string_view text) {
  std::vector<uint32_t> table(text.size(), 0);
  for (size_t i = 1, bytes = 0; i < text.size(); ++i) {
    while (bytes != 0 && text[i] != text[bytes]) bytes = table[bytes - 1];
    if (text[i] == text[bytes]) ++bytes;
    table[i] = static_cast<uint32_t>(bytes);
  }
  return table;
}

}  // namespace

std::string without_credentials(std::string_view url) {
  const std::string_view query = query_of(url);
  std::string out(url.substr(0, url.size() - query.size()));
  bool first = true;
  for_each_part(query, [&](std::string_view key, std::string_view value) {
    if (!first) out += '&';
    first = false;
    out.append(key).append(value.empty() ? value : replacement);
  });
  return out;
}

Redactor::Redactor(std::span<const Settings> sessions) {
  for (const Settings& each : sessions) add_secrets(each.url, sessions);
}

void Redactor::add_secrets(std::string_view url, std::span<const Settings> sessions) {
  for_each_part(query_of(url), [&](std::string_view, std::string_view value) {
    if (value.size() < secret_bytes_min) return;
    if (is_said_anyway(value) || is_in_symbol(value, sessions)) return;
    Secret secret{.text = std::string(value), .fallback = fallback_of(value), .matches = {}};
    secret.matches.resize(sessions_max);
    for (Match& match : secret.matches) match.where.resize(value.size());
    secrets_.push_back(std::move(secret));
  });
}

void Redactor::read_status(HeadState& state, char c) {
  if (state.first_line_bytes >= status_end) return;
  const bool is_digit = c >= '0' && c <= '9';
  if (state.first_line_bytes++ < status_at || !is_digit) return;
  state.status = static_cast<uint16_t>(state.status * 10 + (c - '0'));
}

void Redactor::mask_cookies(HeadState& state, std::span<std::byte> copy) {
  for (std::byte& byte : copy) {
    const char c = static_cast<char>(byte);
    if (c == '\n') {
      const bool end = state.line_bytes == 0;
      // 1xx: the engine goes on to the next head too.
      const bool interim = state.status >= 100 && state.status < 200 && state.status != 101;
      if (end && !interim) {
        state = {};
        return;
      }
      state =
          end ? HeadState{.inside = true}
              : HeadState{.inside = true, .first_line_bytes = status_end, .status = state.status};
      continue;
    }
    read_status(state, c);
    if (c == '\r') continue;
    state.line_bytes = 1;
    if (state.masking) {
      byte = c == ' ' ? byte : mask_byte;
    } else if (!state.other_line) {
      const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      state.other_line = lower != cookie_name[state.name_bytes];
      state.masking = !state.other_line && ++state.name_bytes == cookie_name.size();
    }
  }
}

void Redactor::mask_secrets(ConnectionId connection, std::span<std::byte> copy) {
  for (Secret& secret : secrets_) {
    if (secret.is_public) continue;
    Match& match = secret.matches[session_of(connection)];
    for (std::byte& byte : copy) {
      const char c = static_cast<char>(byte);
      const size_t length = secret.text.size();
      const auto fall_back = [&match, &secret] {
        const uint32_t bytes = secret.fallback[match.bytes - 1];
        const auto kept = match.where.begin() + (match.bytes - bytes);
        std::copy(kept, kept + bytes, match.where.begin());
        match.bytes = bytes;
      };
      while (match.bytes != 0 && c != secret.text[match.bytes]) fall_back();
      if (c != secret.text[match.bytes]) continue;
      match.where[match.bytes++] = &byte;
      if (match.bytes != length) continue;
      for (std::byte* where : match.where) {
        if (where != nullptr) *where = mask_byte;
      }
      match.bytes = 0;  // what is masked begins no other match
    }
  }
}

void Redactor::on_subscribe(std::string_view symbol) {
  for (Secret& secret : secrets_) secret.is_public |= symbol.contains(secret.text);
}

void Redactor::forget() {
  for (Secret& secret : secrets_) {
    for (Match& match : secret.matches) std::ranges::fill(match.where, nullptr);
  }
}

}  // namespace havklo::replay
