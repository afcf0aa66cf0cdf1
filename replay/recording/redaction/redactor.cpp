// Two matchers, byte by byte: reads are cut anywhere.
#include "replay/recording/redaction/redactor.hpp"

#include <algorithm>

#include "replay/recording/redaction/credentials.hpp"
#include "replay/recording/redaction/protocol_words.hpp"

namespace havklo::replay {
namespace {

constexpr std::string_view cookie_name = "set-cookie:";
constexpr char cookie_mask = 'x';
// One after the other, so that two texts which differ in their secrets still differ.
constexpr std::string_view masks = "xyzwvutsrqponmlkjihgfedcba";
constexpr uint32_t switching_protocols = 101;

// What holds a message together, wherever it stands.
constexpr std::string_view json_marks = "\"\\{}[]";

// Where the three digits of "HTTP/1.1 103 Early Hints" are.
constexpr size_t status_at = 9;
constexpr size_t status_end = 12;

// A shorter value would be found by chance.
constexpr size_t secret_bytes_min = 8;

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

Redactor::Redactor(std::span<const Settings> sessions) {
  size_t legs = 0;
  for (const Settings& each : sessions) {
    sessions_.push_back({.first_leg = legs, .several_legs = each.legs.size() > 1});
    legs += each.legs.size();
  }
  heads_.resize(legs);
  frames_.resize(legs);
  for (const Settings& each : sessions) {
    add_secrets(each.url, sessions);
    for (const LegSettings& leg : each.legs) {
      if (leg.url) add_secrets(*leg.url, sessions);
    }
  }
}

void Redactor::add_secrets(std::string_view url, std::span<const Settings> sessions) {
  for (std::string_view rest : credentials_in(url)) {
    while (!rest.empty()) {
      const size_t end = std::min(rest.find_first_of(json_marks), rest.size());
      add_secret(rest.substr(0, end), sessions);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

void Redactor::add_secret(std::string_view text, std::span<const Settings> sessions) {
  if (text.size() < secret_bytes_min) return;
  if (is_said_anyway(text) || is_in_symbol(text, sessions)) return;
  if (std::ranges::find(secrets_, text, &Secret::text) != secrets_.end()) return;
  Secret secret{.text = std::string(text),
                .mask = static_cast<std::byte>(masks[secrets_.size() % masks.size()]),
                .fallback = fallback_of(text),
                .matches = {}};
  secret.matches.resize(heads_.size());
  for (Match& match : secret.matches) match.where.resize(text.size());
  secrets_.push_back(std::move(secret));
}

void Redactor::read_status(HeadState& state, char c) {
  if (state.first_line_bytes >= status_end) return;
  const bool is_digit = c >= '0' && c <= '9';
  if (state.first_line_bytes++ < status_at || !is_digit) return;
  state.status = static_cast<uint16_t>(state.status * 10 + (c - '0'));
}

size_t Redactor::mask_cookies(size_t leg, std::span<std::byte> copy) {
  HeadState& state = heads_[leg];
  for (size_t i = 0; i < copy.size(); ++i) {
    const char c = static_cast<char>(copy[i]);
    if (c == '\n') {
      const bool end = state.line_bytes == 0;
      // 1xx: the engine goes on to the next head too.
      const bool interim = state.status >= 100 && state.status < 200 && state.status != 101;
      if (end && !interim) {
        frames_[leg].begun = state.status == switching_protocols;
        state = {};
        return i + 1;
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
      if (c != ' ') copy[i] = static_cast<std::byte>(cookie_mask);
    } else if (!state.other_line) {
      const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      state.other_line = lower != cookie_name[state.name_bytes];
      state.masking = !state.other_line && ++state.name_bytes == cookie_name.size();
    }
  }
  return copy.size();
}

void Redactor::mask_secrets(size_t leg, std::span<std::byte> copy, size_t head_bytes) {
  Frames& frames = frames_[leg];
  for (size_t i = 0; i < copy.size(); ++i) {
    const bool in_frames = frames.begun && i >= head_bytes;
    const std::byte said = copy[i];  // a secret may overlap with one that is masked here
    const auto kind =
        in_frames ? frames.walk.next(static_cast<uint8_t>(said)) : FrameWalk::Byte::words;
    for (Secret& secret : secrets_) {
      Match& match = secret.matches[leg];
      // Another message: what its beginning completes was never one word.
      if (kind == FrameWalk::Byte::first_framing) match.bytes = 0;
      if (kind == FrameWalk::Byte::words && !secret.is_public) step(secret, match, said, &copy[i]);
    }
  }
}

void Redactor::step(const Secret& secret, Match& match, std::byte said, std::byte* where) {
  const char c = static_cast<char>(said);
  while (match.bytes != 0 && c != secret.text[match.bytes]) {
    const uint32_t bytes = secret.fallback[match.bytes - 1];
    const auto kept = match.where.begin() + (match.bytes - bytes);
    std::copy(kept, kept + bytes, match.where.begin());
    match.bytes = bytes;
  }
  if (c != secret.text[match.bytes]) return;
  match.where[match.bytes++] = where;
  if (match.bytes != secret.text.size()) return;
  for (std::byte* each : match.where) {
    if (each != nullptr) *each = secret.mask;
  }
  match.bytes = 0;  // what is masked begins no other match
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
