// What is allowed, field by field; the first thing wrong is reported.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <set>
#include <span>
#include <utility>

#include "kraken/channels.hpp"

namespace havklo {
namespace {

using Checked = std::expected<void, ConfigError>;

std::unexpected<ConfigError> refuse(std::string field, std::string value, std::string allowed) {
  return std::unexpected(ConfigError{std::move(field), std::move(value), std::move(allowed)});
}

// Text of a file in a line: what would act on a terminal is written as `\x0a`.
std::string in_quotes(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte != 0x7F) {
      out += c;
    } else {
      out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return out += '"';
}

// "1500ms" as people write it: the largest unit that loses nothing.
std::string to_text(Duration duration) {
  constexpr std::array<std::pair<int64_t, const char*>, 3> units = {
      {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}}};
  for (const auto& [ns, unit] : units) {
    if (duration.ns % ns == 0) return std::to_string(duration.ns / ns) + unit;
  }
  return std::to_string(duration.ns) + "ns";
}

// Longer waits than this are a mistake of units.
constexpr Duration duration_max = Duration::seconds(7 * 86'400);

Checked check_range(const char* field, Duration value, Duration least) {
  if (value >= least && value <= duration_max) return {};
  return refuse(field, to_text(value), "from " + to_text(least) + " to 7 days");
}

Checked check_count(const char* field, uint32_t value, uint32_t least, uint32_t most) {
  if (value >= least && value <= most) return {};
  return refuse(field, std::to_string(value),
                "from " + std::to_string(least) + " to " + std::to_string(most));
}

Checked check_reconnect(const ReconnectSettings& reconnect) {
  if (Checked ok = check_range("reconnect.initial_delay", reconnect.initial_delay, {}); !ok)
    return ok;
  if (Checked ok = check_range("reconnect.max_delay", reconnect.max_delay, 1_ns); !ok) return ok;
  if (reconnect.max_delay < reconnect.initial_delay) {
    return refuse("reconnect.max_delay", to_text(reconnect.max_delay),
                  "at least initial_delay, " + to_text(reconnect.initial_delay));
  }
  const Duration most = reconnect.max_delay;
  if (reconnect.first_delay &&
      (*reconnect.first_delay < Duration{} || *reconnect.first_delay > most)) {
    return refuse("reconnect.first_delay", to_text(*reconnect.first_delay),
                  "from 0ns to max_delay, " + to_text(most));
  }
  if (!std::isfinite(reconnect.multiplier) || reconnect.multiplier < 1 ||
      reconnect.multiplier > 1000) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.begin(), text.end(), reconnect.multiplier).ptr;
    return refuse("reconnect.multiplier", std::string(text.begin(), end),
                  "a number from 1 to 1000");
  }
  if (reconnect.max_attempts && *reconnect.max_attempts == 0) {
    return refuse("reconnect.max_attempts", "0", "at least 1; enabled = false for none");
  }
  if (Checked ok = check_range("reconnect.stable_after", reconnect.stable_after, {}); !ok)
    return ok;
  if (Checked ok = check_count("reconnect.connect_budget", reconnect.connect_budget, 1, 100'000);
      !ok) {
    return ok;
  }
  if (Checked ok =
          check_range("reconnect.connect_budget_window", reconnect.connect_budget_window, 1_ms);
      !ok) {
    return ok;
  }
  if (Checked ok = check_range("reconnect.maintenance_delay", reconnect.maintenance_delay, {});
      !ok) {
    return ok;
  }
  if (reconnect.budget_file && reconnect.budget_file->empty()) {
    return refuse("reconnect.budget_file", "\"\"", "the path of a file");
  }
  return check_range("reconnect.rate_limited_delay", reconnect.rate_limited_delay, {});
}

Checked check_breaker(const CircuitBreakerSettings& breaker) {
  if (Checked ok =
          check_count("circuit_breaker.failure_threshold", breaker.failure_threshold, 1, 1'000'000);
      !ok) {
    return ok;
  }
  if (Checked ok = check_range("circuit_breaker.reset_timeout", breaker.reset_timeout, 1_ms); !ok) {
    return ok;
  }
  return check_range("circuit_breaker.half_open_timeout", breaker.half_open_timeout, 1_ms);
}

Checked check_timeouts(const TimeoutSettings& timeouts) {
  const std::array<std::pair<const char*, Duration>, 5> all = {
      {{"timeouts.connect_timeout", timeouts.connect_timeout},
       {"timeouts.greeting_timeout", timeouts.greeting_timeout},
       {"timeouts.restore_timeout", timeouts.restore_timeout},
       {"timeouts.heartbeat_timeout", timeouts.heartbeat_timeout},
       {"timeouts.close_timeout", timeouts.close_timeout}}};
  for (const auto& [field, value] : all) {
    if (Checked ok = check_range(field, value, 1_ms); !ok) return ok;
  }
  return {};
}

Checked check_recording(const RecordingSettings& recording) {
  if (recording.max_size && *recording.max_size < recording_size_min) {
    return refuse("recording.max_size", std::to_string(*recording.max_size) + "B",
                  "at least " + std::to_string(recording_size_min) + "B");
  }
  if (!recording.max_age) return {};
  return check_range("recording.max_age", *recording.max_age, 1_s);
}

Checked check_feed(const FeedSettings& feed) {
  return feed.lag_warn ? check_range("feed.lag_warn", *feed.lag_warn, 1_ms) : Checked{};
}

Checked check_symbol(const std::string& symbol) {
  if (is_valid_symbol(symbol)) return {};
  return refuse("subscription.symbol", in_quotes(symbol),
                "BASE/QUOTE, as \"BTC/USD\", at most 31 printable characters");
}

// "10, 25 or 100"
std::string listed(std::span<const uint16_t> values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i != 0) text += i + 1 == values.size() ? " or " : ", ";
    text += std::to_string(values[i]);
  }
  return text;
}

Checked check_parameter(const SubscriptionSettings& subscription) {
  const kraken::Parameter& parameter = kraken::facts_of(subscription.channel).parameter;
  const uint32_t value = parameter_of(subscription);
  if (kraken::serves(parameter, value)) return {};
  return refuse("subscription." + std::string(parameter.name), std::to_string(value),
                listed(parameter.values));
}

Checked check_subscriptions(const std::vector<SubscriptionSettings>& subscriptions) {
  if (subscriptions.empty()) return refuse("subscription", "none", "at least one");
  std::set<std::pair<Channel, std::string>> seen;
  std::set<std::string> symbols;
  for (const SubscriptionSettings& each : subscriptions) {
    if (each.symbols.empty()) {
      return refuse("subscription.symbol", "[]", "at least one pair, as \"BTC/USD\"");
    }
    if (Checked ok = check_parameter(each); !ok) return ok;
    for (const std::string& symbol : each.symbols) {
      if (Checked ok = check_symbol(symbol); !ok) return ok;
      symbols.insert(symbol);
      if (!seen.emplace(each.channel, symbol).second) {
        return refuse("subscription.symbol", in_quotes(symbol), "named once for each channel");
      }
    }
  }
  if (symbols.size() > symbols_max) {
    return refuse("subscription.symbol", std::to_string(symbols.size()) + " pairs",
                  "at most " + std::to_string(symbols_max));
  }
  return {};
}

// Not the one that leaves the choice to the kernel, which is what no setting does, nor IPv4 in the
// clothes of IPv6.
bool is_source(const std::string& text) {
  const auto usual = usual_address(text);
  return usual && *usual != "0.0.0.0" && *usual != "::" && !usual->starts_with("::ffff:");
}

Checked check_budgets(std::span<const Settings> sessions) {
  const BudgetGroups groups = group_by_budget(sessions);
  for (uint32_t i = 0; i < sessions.size(); ++i) {
    for (uint32_t leg = 0; leg < sessions[i].legs.size(); ++leg) {
      const uint32_t group = groups.group(i, leg);
      const Settings& first = sessions[groups.first_of[group]];
      const std::string as = "in the first session to " + groups.keys[group].text();
      if (auto differs = differing_budget(sessions[i].reconnect, first.reconnect, as)) {
        differs->field = "session[" + std::to_string(i) + "]." + differs->field;
        return std::unexpected(std::move(*differs));
      }
    }
  }
  return {};
}

constexpr Duration rotate_after_least = Duration::seconds(60);

Checked check_source(const std::string& field, const std::optional<std::string>& source) {
  if (!source || is_source(*source)) return {};
  return refuse(field.c_str(), in_quotes(*source),
                "an IPv4 or IPv6 address of this machine, as \"192.0.2.1\" or \"2001:db8::1\"");
}

Checked check_legs(const Settings& settings) {
  const auto& legs = settings.legs;
  if (legs.empty() || legs.size() > legs_max) {
    return refuse("legs", std::to_string(legs.size()), "from 1 to " + std::to_string(legs_max));
  }
  for (size_t leg = 0; leg < legs.size(); ++leg) {
    const std::string name = "leg[" + std::to_string(leg) + "].";
    if (const auto url = parse_url(legs[leg].url.value_or(settings.url)); !url) {
      ConfigError error = url.error();
      error.field = name + error.field;
      return std::unexpected(std::move(error));
    }
    if (Checked ok = check_source(name + "source_address", legs[leg].source_address); !ok) {
      return ok;
    }
  }
  if (Checked ok = check_range("leg_lag_max", settings.leg_lag_max, 1_ms); !ok) return ok;
  if (legs.size() == 1) {
    if (!settings.rotate_after) return {};
    return refuse("rotate_after", to_text(*settings.rotate_after),
                  "none with one leg, which nothing would stand in for; or set legs = 2");
  }
  if (!settings.reconnect.enabled) {
    return refuse("reconnect.enabled", "false", "true with several legs");
  }
  return settings.rotate_after
             ? check_range("rotate_after", *settings.rotate_after, rotate_after_least)
             : Checked{};
}

}  // namespace

std::optional<ConfigError> differing_budget(const ReconnectSettings& settings,
                                            const ReconnectSettings& first, std::string_view as) {
  const ReconnectSettings usual;
  const auto error = [as](const char* field, std::string value, std::string allowed) {
    allowed.append(" as ").append(as).append(", or not set");
    return ConfigError{std::string("reconnect.") + field, std::move(value), std::move(allowed)};
  };
  const uint32_t attempts = settings.connect_budget;
  if (attempts != first.connect_budget && attempts != usual.connect_budget) {
    return error("connect_budget", std::to_string(attempts), std::to_string(first.connect_budget));
  }
  const Duration window = settings.connect_budget_window;
  if (window != first.connect_budget_window && window != usual.connect_budget_window) {
    return error("connect_budget_window", to_text(window), to_text(first.connect_budget_window));
  }
  if (settings.budget_file && settings.budget_file != first.budget_file) {
    return error("budget_file", in_quotes(*settings.budget_file),
                 first.budget_file ? in_quotes(*first.budget_file) : "none");
  }
  return std::nullopt;
}

std::optional<std::string> usual_address(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;  // inet_pton would not see it
  for (const int family : {AF_INET, AF_INET6}) {
    std::array<std::byte, sizeof(in6_addr)> address{};
    std::array<char, INET6_ADDRSTRLEN> usual{};
    if (inet_pton(family, copy.c_str(), address.data()) != 1) continue;
    return inet_ntop(family, address.data(), usual.data(), usual.size());
  }
  return std::nullopt;
}

bool is_valid_symbol(std::string_view symbol) {
  const size_t slash = symbol.find('/');
  const bool has_two_sides = slash != std::string_view::npos && slash != 0 &&
                             slash + 1 != symbol.size() &&
                             symbol.find('/', slash + 1) == std::string_view::npos;
  return has_two_sides && symbol.size() <= symbol_bytes_max &&
         std::ranges::all_of(symbol,
                             [](char c) { return c > ' ' && c <= '~' && c != '"' && c != '\\'; });
}

uint32_t parameter_of(const SubscriptionSettings& subscription) {
  const auto setting = kraken::facts_of(subscription.channel).parameter.setting;
  return setting == nullptr ? 0 : subscription.*setting;
}

const std::string& url_of(const Settings& session, uint32_t leg) {
  const auto& own = session.legs[leg].url;
  return own ? *own : session.url;
}

const std::optional<std::string>& source_address_of(const Settings& session, uint32_t leg) {
  const auto& own = session.legs[leg].source_address;
  return own ? own : session.source_address;
}

std::string ConfigError::message() const { return field + " = " + value + ": must be " + allowed; }

std::expected<void, ConfigError> validate(const Settings& settings) {
  if (const auto url = parse_url(settings.url); !url) return std::unexpected(url.error());
  if (Checked ok = check_reconnect(settings.reconnect); !ok) return ok;
  if (Checked ok = check_breaker(settings.circuit_breaker); !ok) return ok;
  if (Checked ok = check_timeouts(settings.timeouts); !ok) return ok;
  if (Checked ok = check_count("requests.per_second", settings.requests.per_second, 1, 1000); !ok) {
    return ok;
  }
  if (Checked ok = check_count("requests.burst", settings.requests.burst, 1, 1000); !ok) return ok;
  if (Checked ok = check_feed(settings.feed); !ok) return ok;
  if (Checked ok = check_recording(settings.recording); !ok) return ok;
  if (Checked ok = check_source("source_address", settings.source_address); !ok) return ok;
  if (Checked ok = check_legs(settings); !ok) return ok;
  if (Checked ok = check_subscriptions(settings.subscriptions); !ok) return ok;
  const uint32_t least = ring_slots_min(settings);
  if (std::has_single_bit(settings.ring_slots) && settings.ring_slots >= least &&
      settings.ring_slots <= ring_slots_max) {
    return {};
  }
  return refuse(
      "engine.ring_slots", std::to_string(settings.ring_slots),
      "a power of two from " + std::to_string(least) + " to " + std::to_string(ring_slots_max));
}

std::expected<void, ConfigError> validate(std::span<const Settings> sessions) {
  std::set<std::string_view> symbols;
  for (const Settings& session : sessions) {
    if (Checked ok = validate(session); !ok) return ok;
    for (const SubscriptionSettings& each : session.subscriptions) {
      symbols.insert(each.symbols.begin(), each.symbols.end());
    }
  }
  if (Checked ok = check_budgets(sessions); !ok) return ok;
  if (symbols.size() <= symbols_max) return {};
  return refuse(
      "subscription.symbol",
      std::to_string(symbols.size()) + " pairs in " + std::to_string(sessions.size()) + " sessions",
      "at most " + std::to_string(symbols_max) + " in all sessions together");
}

std::expected<Url, ConfigError> parse_url(std::string_view text) {
  const auto bad = [text](const char* allowed) { return refuse("url", in_quotes(text), allowed); };
  for (const char c : text) {
    if (c <= ' ' || c > '~') return bad("without white space or control characters");
  }
  Url url;
  std::string_view rest = text;
  if (rest.starts_with("wss://")) {
    rest.remove_prefix(6);
  } else if (rest.starts_with("ws://")) {
    rest.remove_prefix(5);
    url.tls = false;
    url.port = 80;
  } else {
    return bad("wss://host[:port][/path], or ws:// without TLS");
  }
  const size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  url.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (url.path.find('#') != std::string::npos) return bad("without a fragment (RFC 6455 §3)");
  if (url.path.front() == '?') url.path.insert(url.path.begin(), '/');
  if (authority.find('@') != std::string_view::npos) return bad("without user name or password");
  size_t host_end = authority.rfind(':');
  if (authority.starts_with('[')) {
    const size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return bad("closed by ] after an IPv6 address");
    url.host = authority.substr(1, bracket - 1);
    host_end = bracket + 1 < authority.size() ? bracket + 1 : std::string_view::npos;
    if (host_end != std::string_view::npos && authority[host_end] != ':') {
      return bad("wss://[address]:port");
    }
  } else {
    url.host = authority.substr(0, host_end);
  }
  if (url.host.empty() || url.host.size() > 253) return bad("with a host of 1 to 253 characters");
  if (host_end != std::string_view::npos) {
    const std::string_view port = authority.substr(host_end + 1);
    const auto [end, error] = std::from_chars(port.begin(), port.end(), url.port);
    if (error != std::errc{} || end != port.end() || url.port == 0) {
      return bad("with a port from 1 to 65535");
    }
  }
  return url;
}

}  // namespace havklo
