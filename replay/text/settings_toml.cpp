// The list of fields, once for both directions.
#include "replay/text/settings_toml.hpp"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <vector>

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
        optional_count_field("max_attempts", reconnect.max_attempts),
        choice_field("jitter", reconnect.jitter, jitter_names,
                     "\"none\", \"full\" or \"decorrelated\""),
        duration_field("stable_after", reconnect.stable_after),
        count_field("connect_budget", reconnect.connect_budget),
        duration_field("connect_budget_window", reconnect.connect_budget_window),
        duration_field("maintenance_delay", reconnect.maintenance_delay),
        duration_field("rate_limited_delay", reconnect.rate_limited_delay),
        bool_field("enabled", reconnect.enabled)}},
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
        optional_text_field("ca_file", settings.ca_file)}},
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

bool read_subscriptions(const toml::node& node, Settings& settings, TableReader& reader) {
  const toml::array* list = node.as_array();
  if (list == nullptr || !list->is_homogeneous<toml::table>()) {
    return reader.refuse(node, "subscription must be a list of tables: [[subscription]]");
  }
  for (const toml::node& each : *list) {
    SubscriptionSettings subscription;
    if (!reader.read_table(*each.as_table(), "subscription.", fields_of(subscription))) {
      return false;
    }
    settings.subscriptions.push_back(std::move(subscription));
  }
  return true;
}

}  // namespace

bool read_settings(const toml::table& table, Settings& settings, TableReader& reader) {
  const std::vector<Section> sections = sections_of(settings);
  std::vector<std::string_view> names{"subscription"};
  for (const Section& section : sections) names.push_back(section.name);
  if (!reader.read_table(table, "", {text_field("url", settings.url)}, names)) return false;
  for (const Section& section : sections) {
    const toml::node* node = table.get(section.name);
    if (node == nullptr) continue;
    if (!node->is_table()) {
      return reader.refuse(*node, fmt::format("{0} must be a table: [{0}]", section.name));
    }
    if (!reader.read_table(*node->as_table(), fmt::format("{}.", section.name), section.fields)) {
      return false;
    }
  }
  const toml::node* subscriptions = table.get("subscription");
  return subscriptions == nullptr || read_subscriptions(*subscriptions, settings, reader);
}

void write_settings(std::string& out, const Settings& settings, std::string_view prefix,
                    const Settings* defaults) {
  Settings copy = settings;
  Settings other = defaults != nullptr ? *defaults : Settings{};
  const auto write = [&out, defaults](std::vector<Field> fields, std::vector<Field> usual,
                                      const std::string& head) {
    const std::string own =
        changed_fields(fields, defaults != nullptr ? usual : std::vector<Field>{});
    if (defaults == nullptr || !own.empty()) out += head + own;
  };
  write({text_field("url", copy.url)}, {text_field("url", other.url)}, "");
  const std::vector<Section> sections = sections_of(copy);
  const std::vector<Section> usual = sections_of(other);
  for (size_t i = 0; i < sections.size(); ++i) {
    write(sections[i].fields, usual[i].fields, fmt::format("[{}{}]\n", prefix, sections[i].name));
  }
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
  if (!replay::read_settings(*table, settings, reader)) return std::unexpected(reader.error());
  return settings;
}

}  // namespace havklo
