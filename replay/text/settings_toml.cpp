// The list of fields, once for both directions.
#include "replay/text/settings_toml.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <vector>

#include "replay/text/legs_toml.hpp"
#include "replay/text/settings_table.hpp"
#include "replay/text/toml_text.hpp"

namespace havklo::replay {
namespace {

constexpr std::array<std::string_view, 3> jitter_names = {"none", "full", "decorrelated"};
constexpr std::array<std::string_view, 2> idle_names = {"spin", "park"};
constexpr std::array<std::string_view, 3> network_names = {"io_uring", "sockets", "auto"};

struct Section {
  std::string_view name;
  std::vector<Field> fields;
};

// Written only when it is set: files from before it was there are as they were.
Field set_flag_field(std::string_view name, bool& value) {
  Field field = bool_field(name, value);
  field.write = [&value] { return value ? "true" : ""; };
  return field;
}

std::vector<Section> sections_of(Settings& settings) {
  ReconnectSettings& reconnect = settings.reconnect;
  CircuitBreakerSettings& breaker = settings.circuit_breaker;
  TimeoutSettings& timeouts = settings.timeouts;
  return {
      {"reconnect",
       {duration_field("initial_delay", reconnect.initial_delay),
        number_field("multiplier", reconnect.multiplier),
        duration_field("max_delay", reconnect.max_delay),
        optional_duration_field("first_delay", reconnect.first_delay),
        optional_count_field("max_attempts", reconnect.max_attempts),
        choice_field("jitter", reconnect.jitter, jitter_names,
                     "\"none\", \"full\" or \"decorrelated\""),
        duration_field("stable_after", reconnect.stable_after),
        count_field("connect_budget", reconnect.connect_budget),
        duration_field("connect_budget_window", reconnect.connect_budget_window),
        duration_field("maintenance_delay", reconnect.maintenance_delay),
        duration_field("rate_limited_delay", reconnect.rate_limited_delay),
        bool_field("enabled", reconnect.enabled),
        optional_text_field("budget_file", reconnect.budget_file)}},
      {"circuit_breaker",
       {count_field("failure_threshold", breaker.failure_threshold),
        duration_field("reset_timeout", breaker.reset_timeout),
        duration_field("half_open_timeout", breaker.half_open_timeout),
        bool_field("enabled", breaker.enabled)}},
      {"timeouts",
       {duration_field("connect_timeout", timeouts.connect_timeout),
        duration_field("greeting_timeout", timeouts.greeting_timeout),
        duration_field("restore_timeout", timeouts.restore_timeout),
        duration_field("heartbeat_timeout", timeouts.heartbeat_timeout),
        duration_field("close_timeout", timeouts.close_timeout)}},
      {"requests",
       {count_field("per_second", settings.requests.per_second),
        count_field("burst", settings.requests.burst)}},
      {"feed",
       {bool_field("trade_gaps", settings.feed.trade_gaps),
        optional_duration_field("lag_warn", settings.feed.lag_warn)}},
      {"recording",
       {text_field("path", settings.recording.path),
        optional_size_field("max_size", settings.recording.max_size),
        optional_duration_field("max_age", settings.recording.max_age),
        set_flag_field("overwrite", settings.recording.overwrite)}},
      {"engine",
       {count_field("ring_slots", settings.ring_slots),
        choice_field("idle", settings.idle, idle_names, "\"spin\" or \"park\""),
        choice_field("network", settings.network, network_names,
                     "\"auto\", \"io_uring\" or \"sockets\""),
        optional_count_field("cpu", settings.cpu), seed_field("seed", settings.seed),
        optional_text_field("ca_file", settings.ca_file),
        optional_text_field("source_address", settings.source_address)}},
  };
}

std::vector<Field> fields_of(SubscriptionSettings& subscription) {
  return {channel_field("channel", subscription.channel),
          texts_field("symbol", subscription.symbols), count_field("depth", subscription.depth),
          minutes_field("interval", subscription.interval_minutes)};
}

// The parameter that is the channel's own, and no other's.
std::vector<Field> fields_said_by(SubscriptionSettings& subscription) {
  std::vector<Field> fields = fields_of(subscription);
  const bool has_interval = subscription.channel == Channel::ohlc;
  std::erase_if(fields, [has_interval](const Field& field) {
    return field.name == (has_interval ? "depth" : "interval");
  });
  return fields;
}

bool read_subscriptions(const toml::node& node, std::string_view prefix, Settings& settings,
                        TableReader& reader) {
  const toml::array* list = node.as_array();
  if (list == nullptr || !list->is_homogeneous<toml::table>()) {
    return reader.refuse(
        node, fmt::format("{0}subscription must be a list of tables: [[{0}subscription]]", prefix));
  }
  for (const toml::node& each : *list) {
    SubscriptionSettings subscription;
    if (!reader.read_table(*each.as_table(), fmt::format("{}subscription.", prefix),
                           fields_of(subscription))) {
      return false;
    }
    settings.subscriptions.push_back(std::move(subscription));
  }
  return true;
}

bool read_sections(const toml::table& table, std::string_view prefix,
                   const std::vector<Section>& sections, Settings& settings, TableReader& reader) {
  for (const Section& section : sections) {
    const toml::node* node = table.get(section.name);
    if (node == nullptr) continue;
    const std::string name = fmt::format("{}{}", prefix, section.name);
    if (!node->is_table()) {
      return reader.refuse(*node, fmt::format("{0} must be a table: [{0}]", name));
    }
    if (!reader.read_table(*node->as_table(), name + ".", section.fields)) return false;
  }
  const toml::node* subscriptions = table.get("subscription");
  return subscriptions == nullptr || read_subscriptions(*subscriptions, prefix, settings, reader);
}

std::vector<std::string_view> names_of(const std::vector<Section>& sections) {
  std::vector<std::string_view> names{"subscription", "leg"};
  for (const Section& section : sections) names.push_back(section.name);
  return names;
}

constexpr std::array<std::string_view, 2> loop_sections = {"engine", "recording"};

// One of several: what belongs to the loop is not its own.
bool read_session(const toml::table& table, Settings& session, TableReader& reader) {
  for (const std::string_view name : loop_sections) {
    const toml::node* node = table.get(name);
    if (node == nullptr) continue;
    return reader.refuse(
        *node, fmt::format("session.{0} belongs to the loop that all sessions share: say it once, "
                           "as [{0}]; of a session there are ca_file and source_address",
                           name));
  }
  std::vector<Section> sections = sections_of(session);
  std::erase_if(sections, [](const Section& section) {
    return std::ranges::find(loop_sections, section.name) != loop_sections.end();
  });
  LegCount legs;
  std::vector<Field> own = leg_fields(legs, session);
  own.push_back(text_field("url", session.url));
  own.push_back(optional_text_field("ca_file", session.ca_file));
  own.push_back(optional_text_field("source_address", session.source_address));
  return reader.read_table(table, "session.", own, names_of(sections)) &&
         read_legs(table, "session.", legs, session, reader) &&
         read_sections(table, "session.", sections, session, reader);
}

// `others`: tables that the caller reads.
bool read_alone(const toml::table& table, const std::vector<std::string_view>& others,
                Settings& settings, TableReader& reader) {
  const std::vector<Section> sections = sections_of(settings);
  std::vector<std::string_view> names = names_of(sections);
  names.insert(names.end(), others.begin(), others.end());
  LegCount legs;
  std::vector<Field> own = leg_fields(legs, settings);
  own.push_back(text_field("url", settings.url));
  return reader.read_table(table, "", own, names) && read_legs(table, "", legs, settings, reader) &&
         read_sections(table, "", sections, settings, reader);
}

}  // namespace

bool read_settings(const toml::table& table, Settings& settings, TableReader& reader) {
  return read_alone(table, {}, settings, reader);
}

// What stands beside the sessions holds for each of them that does not say otherwise.
bool read_settings(const toml::table& table, EngineSettings& settings, TableReader& reader) {
  const toml::node* const sessions = table.get("session");
  Settings shared;
  if (!read_alone(table, {"session"}, shared, reader)) return false;
  if (sessions == nullptr) {
    settings = EngineSettings(shared);
    return true;
  }
  const toml::array* const list = sessions->as_array();
  if (list == nullptr || !list->is_homogeneous<toml::table>()) {
    return reader.refuse(*sessions, "session must be a list of tables: [[session]]");
  }
  if (const toml::node* const lost = table.get("subscription")) {
    return reader.refuse(*lost,
                         "subscription of no session: say it in one, as "
                         "[[session.subscription]]");
  }
  static_cast<LoopSettings&>(settings) = shared;
  static_cast<LoopSettings&>(shared) = {};
  for (const toml::node& each : *list) {
    settings.sessions.push_back(shared);
    if (!read_session(*each.as_table(), settings.sessions.back(), reader)) return false;
  }
  return true;
}

void write_settings(std::string& out, const Settings& settings, std::string_view prefix,
                    const Settings* defaults) {
  Settings copy = settings;
  Settings other;
  if (defaults != nullptr) other = *defaults;
  const auto write = [&out, defaults](std::vector<Field> fields, std::vector<Field> usual,
                                      const std::string& head) {
    const std::string own =
        changed_fields(fields, defaults != nullptr ? usual : std::vector<Field>{});
    if (defaults == nullptr || !own.empty()) out += head + own;
  };
  write({text_field("url", copy.url)}, {text_field("url", other.url)}, "");
  out += leg_keys_text(settings, other);
  const std::vector<Section> sections = sections_of(copy);
  const std::vector<Section> usual = sections_of(other);
  for (size_t i = 0; i < sections.size(); ++i) {
    write(sections[i].fields, usual[i].fields, fmt::format("[{}{}]\n", prefix, sections[i].name));
  }
  out += leg_tables_text(settings, other, prefix);
  for (SubscriptionSettings& subscription : copy.subscriptions) {
    fmt::format_to(std::back_inserter(out), "[[{}subscription]]\n", prefix);
    write_fields(out, fields_said_by(subscription));
  }
}

std::string settings_to_toml(const Settings& settings) {
  std::string out;
  write_settings(out, settings, "", nullptr);
  return out;
}

}  // namespace havklo::replay

namespace havklo {

std::expected<Settings, std::string> settings_from_toml(std::string_view text,
                                                        std::string_view source,
                                                        const Settings& base) {
  const auto table = replay::parse_toml(text, source);
  if (!table) return std::unexpected(table.error());
  Settings settings = base;
  replay::TableReader reader(source);
  if (const toml::node* const sessions = table->get("session")) {
    reader.refuse(*sessions, "[[session]] is of an engine of several, and here is one");
    return std::unexpected(reader.error());
  }
  if (!replay::read_settings(*table, settings, reader)) return std::unexpected(reader.error());
  return settings;
}

std::expected<EngineSettings, std::string> engine_settings_from_toml(std::string_view text,
                                                                     std::string_view source) {
  const auto table = replay::parse_toml(text, source);
  if (!table) return std::unexpected(table.error());
  EngineSettings settings;
  replay::TableReader reader(source);
  if (!replay::read_settings(*table, settings, reader)) return std::unexpected(reader.error());
  return settings;
}

}  // namespace havklo
