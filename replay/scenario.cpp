// The fields of a scenario, and what a fault needs beside them.
#include "replay/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <havklo/decimal.hpp>

#include "replay/nearest_name.hpp"
#include "replay/toml_fields.hpp"

namespace havklo::replay {
namespace {

constexpr std::array<std::string_view, 4> stage_names = {"tcp", "tls", "upgrade", "open"};
constexpr std::array<std::string_view, 4> tls_names = {"garbage", "abort", "expired", "wrong_name"};
constexpr std::array<std::string_view, 10> violation_names = {
    "masked",         "bad_opcode",         "reserved_bits", "invalid_utf8",
    "oversized",      "fragmented_control", "long_control",  "stray_continuation",
    "one_byte_close", "long_length"};
constexpr std::array<std::string_view, 3> since_names = {"accepted", "upgraded", "subscribed"};
constexpr std::array<std::string_view, 3> channel_names = {"book", "trade", "ticker"};
constexpr std::array<std::string_view, 5> system_names = {"unknown", "online", "cancel_only",
                                                          "post_only", "maintenance"};

struct SymbolText {
  std::string name;
  std::string price;
  uint32_t qty_decimals = 8;
  uint32_t levels = MarketSymbol{}.levels;
};

// A fault as written: its kind by name, the maintenance shorthand's own fields.
struct FaultText {
  Fault fault;
  std::string kind;
  Channel channel = Channel::book;
  bool has_channel = false;
  std::optional<Duration> lead;
};

Field connection_field(Fault& fault) {
  return {"connection",
          [&fault](const toml::node& node) {
            const auto in_range = [](int64_t n) { return n >= 1 && n < int64_t{unlimited}; };
            if (const auto one = node.value_exact<int64_t>(); one && in_range(*one)) {
              fault.connection_first = fault.connection_last = static_cast<uint32_t>(*one);
              return true;
            }
            const toml::array* pair = node.as_array();
            if (pair == nullptr || pair->size() != 2) return false;
            const auto first = (*pair)[0].value_exact<int64_t>();
            const auto last = (*pair)[1].value_exact<int64_t>();
            if (!first || !last || !in_range(*first) || !in_range(*last)) return false;
            fault.connection_first = static_cast<uint32_t>(*first);
            fault.connection_last = static_cast<uint32_t>(*last);
            return true;
          },
          "a number from 1, or [first, last]", [] { return ""; }};
}

std::vector<Field> fields_of(FaultText& text) {
  Fault& fault = text.fault;
  Field channel =
      choice_field("channel", text.channel, channel_names, "\"book\", \"trade\" or \"ticker\"");
  channel.read = [&text, read = channel.read](const toml::node& node) {
    return text.has_channel = read(node);
  };
  return {
      text_field("kind", text.kind),
      optional_duration_field("at", fault.at),
      optional_duration_field("after", fault.after),
      choice_field("since", fault.since, since_names,
                   "\"accepted\", \"upgraded\" or \"subscribed\""),
      optional_duration_field("for", fault.lasting),
      optional_duration_field("every", fault.every),
      connection_field(fault),
      count_field("times", fault.times),
      count_field("code", fault.code),
      text_field("text", fault.text),
      text_field("symbol", fault.symbol),
      std::move(channel),
      choice_field("stage", fault.stage, stage_names, "\"tcp\", \"tls\", \"upgrade\" or \"open\""),
      choice_field("tls", fault.tls, tls_names,
                   "\"garbage\", \"abort\", \"expired\" or \"wrong_name\""),
      choice_field("violation", fault.violation, violation_names,
                   "the name of a violation, as \"masked\""),
      count_field("bytes", fault.bytes),
      duration_field("interval", fault.interval),
      optional_duration_field("retry_after", fault.retry_after),
      bool_field("retry_after_date", fault.retry_after_date),
      text_field("location", fault.location),
      choice_field("system", fault.system, system_names,
                   "\"online\", \"cancel_only\", \"post_only\" or \"maintenance\""),
      optional_duration_field("lead", text.lead)};
}

std::vector<std::string_view> fault_names() {
  std::vector<std::string_view> names{"maintenance"};
  for (uint8_t kind = 0; kind <= static_cast<uint8_t>(fault_kind_last); ++kind) {
    names.push_back(to_string(static_cast<FaultKind>(kind)));
  }
  return names;
}

class ScenarioReader {
 public:
  explicit ScenarioReader(std::string_view name) : reader_(name) {}

  bool read(const toml::table& table, Scenario& scenario) {
    if (!reader_.read_table(table, "", {}, {"venue", "market", "network", "symbol", "fault"})) {
      return false;
    }
    return read_venue(table, scenario.venue) && read_market(table, scenario.market) &&
           read_network(table, scenario.network) && read_symbols(table, scenario.market) &&
           read_faults(table, scenario.faults);
  }
  [[nodiscard]] const std::string& error() const { return reader_.error(); }

 private:
  bool read_section(const toml::table& table, std::string_view name,
                    const std::vector<Field>& fields) {
    const toml::node* node = table.get(name);
    if (node == nullptr) return true;
    if (!node->is_table()) {
      return reader_.refuse(*node, fmt::format("{0} must be a table: [{0}]", name));
    }
    return reader_.read_table(*node->as_table(), fmt::format("{}.", name), fields);
  }
  // The tables of a list; null if the node is none.
  const toml::array* list_of(const toml::table& table, std::string_view name, bool& good) {
    const toml::node* node = table.get(name);
    if (node == nullptr) return nullptr;
    const toml::array* list = node->as_array();
    if (list != nullptr && list->is_homogeneous<toml::table>()) return list;
    good = reader_.refuse(*node, fmt::format("{0} must be a list of tables: [[{0}]]", name));
    return nullptr;
  }

  bool read_venue(const toml::table& table, VenueSettings& venue) {
    std::optional<uint64_t> seed = venue.seed;
    const bool good =
        read_section(table, "venue",
                     {seed_field("seed", seed), duration_field("ack_delay", venue.ack_delay),
                      duration_field("snapshot_delay", venue.snapshot_delay),
                      duration_field("heartbeat_interval", venue.heartbeat_interval),
                      duration_field("idle_timeout", venue.idle_timeout),
                      duration_field("close_linger", venue.close_linger),
                      count_field("requests_per_second", venue.requests_per_second),
                      count_field("requests_burst", venue.requests_burst),
                      count_field("connects_max", venue.connects_max),
                      duration_field("connects_window", venue.connects_window),
                      duration_field("connect_ban", venue.connect_ban)});
    venue.seed = *seed;
    return good;
  }

  bool read_market(const toml::table& table, MarketSettings& market) {
    double rate = static_cast<double>(market.moves_per_1000_s) / 1000;
    if (!read_section(table, "market",
                      {number_field("rate", rate),
                       count_field("trades_per_1000_moves", market.trades_per_1000_moves)})) {
      return false;
    }
    if (!(rate >= 0 && rate <= 1e6)) {
      return reader_.refuse(*table.get("market"), "market.rate must be from 0 to 1000000");
    }
    market.moves_per_1000_s = static_cast<uint64_t>(std::llround(rate * 1000));
    return true;
  }

  bool read_network(const toml::table& table, NetworkSettings& network) {
    std::optional<uint64_t> seed = network.seed;
    const bool good = read_section(
        table, "network",
        {seed_field("seed", seed), duration_field("latency", network.latency),
         duration_field("jitter", network.jitter), duration_field("send_time", network.send_time),
         count_field("read_bytes_max", network.read_bytes_max),
         bool_field("resume_tls", network.resume_tls)});
    network.seed = *seed;
    return good;
  }

  bool read_symbols(const toml::table& table, MarketSettings& market) {
    bool good = true;
    const toml::array* list = list_of(table, "symbol", good);
    if (list == nullptr) return good;
    market.symbols.clear();
    for (const toml::node& each : *list) {
      SymbolText text;
      if (!reader_.read_table(*each.as_table(), "symbol.",
                              {text_field("name", text.name), text_field("price", text.price),
                               count_field("qty_decimals", text.qty_decimals),
                               count_field("levels", text.levels)})) {
        return false;
      }
      if (text.name.empty()) return reader_.refuse(each, "a symbol needs a name");
      MarketSymbol symbol = market_symbol(text.name);
      Decimal price;
      if (!text.price.empty()) {
        if (!parse_decimal(text.price, price) || price.mantissa < 1) {
          return reader_.refuse(each, "symbol.price must be a number in quotes, as \"63501.7\"");
        }
        symbol.mid_price = price.mantissa;
        symbol.price_decimals = static_cast<uint8_t>(-price.exponent);
      }
      if (text.qty_decimals > 8)
        return reader_.refuse(each, "symbol.qty_decimals must be at most 8");
      symbol.qty_decimals = static_cast<uint8_t>(text.qty_decimals);
      symbol.levels = text.levels;
      market.symbols.push_back(std::move(symbol));
    }
    return true;
  }

  bool read_faults(const toml::table& table, FaultPlan& plan) {
    bool good = true;
    const toml::array* list = list_of(table, "fault", good);
    if (list == nullptr) return good;
    const std::vector<std::string_view> names = fault_names();
    for (const toml::node& each : *list) {
      FaultText text;
      if (!reader_.read_table(*each.as_table(), "fault.", fields_of(text))) return false;
      const auto name = std::ranges::find(names, text.kind);
      if (name == names.end()) {
        return reader_.refuse(
            each, fmt::format("unknown fault kind '{}'; the nearest known one is '{}'", text.kind,
                              nearest_name(text.kind, names)));
      }
      if (text.kind == "maintenance") {
        if (!text.fault.at || !text.fault.lasting) {
          return reader_.refuse(each, "a maintenance needs `at` and `for`");
        }
        plan.add_maintenance(*text.fault.at, text.lead.value_or(Duration::seconds(1)),
                             *text.fault.lasting,
                             text.fault.retry_after.value_or(Duration::seconds(5)));
        continue;
      }
      text.fault.kind = static_cast<FaultKind>(name - names.begin() - 1);
      if (text.has_channel) text.fault.channel = text.channel;
      if (const auto wrong = check(text.fault)) {
        return reader_.refuse(each, fmt::format("the fault '{}' {}", text.kind, *wrong));
      }
      plan.add(std::move(text.fault));
    }
    return true;
  }

  TableReader reader_;
};

}  // namespace

std::expected<Scenario, std::string> parse_scenario(std::string_view text, std::string_view name) {
  Scenario scenario;
  ScenarioReader reader(name);
  try {
    const toml::table table = toml::parse(text, name);
    if (!reader.read(table, scenario)) return std::unexpected(reader.error());
  } catch (const toml::parse_error& error) {
    return std::unexpected(
        fmt::format("{}:{}: not TOML: {}", name, error.source().begin.line, error.description()));
  }
  return scenario;
}

std::unique_ptr<Venue> make_venue(const Scenario& scenario, Instant start) {
  auto market =
      std::make_unique<Market>(scenario.market, scenario.venue.seed, scenario.venue.utc_us);
  return std::make_unique<Venue>(scenario.venue, std::move(market), scenario.faults, start);
}

}  // namespace havklo::replay
