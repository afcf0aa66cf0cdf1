// From text to a scenario; what does not fit is refused with its line.
#include "replay/world/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <havklo/decimal.hpp>
#include <havklo/limits.hpp>
#include <set>
#include <string_view>

#include "addresses/address_text.hpp"
#include "replay/recording/shared_ring.hpp"
#include "replay/text/nearest_name.hpp"
#include "replay/text/settings_table.hpp"
#include "replay/text/toml_text.hpp"
#include "replay/world/scenario_fields.hpp"
#include "replay/world/scenario_load.hpp"
#include "replay/world/scenario_ranges.hpp"
#include "replay/world/simulation.hpp"

namespace havklo::replay {
namespace {

std::vector<std::string_view> fault_names() {
  std::vector<std::string_view> names{"maintenance"};
  for (uint8_t kind = 0; kind <= static_cast<uint8_t>(fault_kind_last); ++kind) {
    names.push_back(to_string(static_cast<FaultKind>(kind)));
  }
  return names;
}

// What the engine is ever given, the sessions' own and those of commands.
size_t named_symbols(const Scenario& as_written) {
  const Scenario scenario = with_defaults(as_written);
  std::set<std::string_view> symbols;
  for (const Settings& session : scenario.sessions) {
    for (const SubscriptionSettings& each : session.subscriptions) {
      symbols.insert(each.symbols.begin(), each.symbols.end());
    }
  }
  for (const PlannedCommand& command : scenario.commands) {
    if (command.kind == Command::Kind::subscribe) symbols.insert(command.symbol);
  }
  return symbols.size();
}

// Whoever adds a fault without an instant means now.
void strike_at_once(toml::table& table) {
  toml::array* const faults = table["fault"].as_array();
  if (faults == nullptr) return;
  for (toml::node& each : *faults) {
    toml::table* const fault = each.as_table();
    if (fault == nullptr || fault->contains("at") || fault->contains("after")) continue;
    fault->insert("at", "0s");
  }
}

class ScenarioReader {
 public:
  explicit ScenarioReader(std::string_view name) : reader_(name) {}

  bool read_addition(toml::table& table, Scenario& scenario) {
    strike_at_once(table);
    return reader_.read_table(table, "", {}, {"fault", "pause", "jump"}) &&
           read_faults(table, scenario.faults) && read_list(table, "pause", scenario.pauses) &&
           read_list(table, "jump", scenario.jumps);
  }
  bool read(const toml::table& table, Scenario& scenario) {
    if (!reader_.read_table(table, "", {},
                            {"venue", "market", "network", "address", "symbol", "fault", "run",
                             "session", "command", "pause", "jump"})) {
      return false;
    }
    return read_venue(table, scenario.venue) && read_market(table, scenario.market) &&
           read_network(table, scenario.network) &&
           read_addresses(table, scenario.network.addresses) &&
           read_symbols(table, scenario.market) && read_faults(table, scenario.faults) &&
           read_run(table, scenario.run) && read_sessions(table, scenario.sessions) &&
           read_list(table, "command", scenario.commands) &&
           read_list(table, "pause", scenario.pauses) && read_list(table, "jump", scenario.jumps);
  }
  // Once everything is read, since it is a matter of products.
  bool fits_the_simulator(const toml::table& table, const Scenario& scenario) {
    const size_t symbols = named_symbols(scenario);
    if (symbols > symbols_max) {
      return reader_.refuse(
          *table.get("command"),
          fmt::format("the sessions and what is subscribed later name {} pairs, at most {}",
                      symbols, symbols_max));
    }
    const auto too_much = check_load(scenario);
    if (!too_much) return true;
    const toml::node* node = table.get(too_much->section);
    if (node == nullptr) node = table.get("run");  // the other factor has its default
    return reader_.refuse(node == nullptr ? table : *node, too_much->why);
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

  bool within(const toml::node& node, const OutOfRange& wrong) {
    return !wrong || reader_.refuse(node, *wrong);
  }
  bool within(const toml::table& table, std::string_view name, const OutOfRange& wrong) {
    const toml::node* node = table.get(name);
    return node == nullptr || within(*node, wrong);
  }

  bool read_venue(const toml::table& table, VenueSettings& venue) {
    std::optional<uint64_t> seed = venue.seed;
    const bool good = read_section(table, "venue", fields_of(venue, seed));
    venue.seed = *seed;
    return good && within(table, "venue", check_ranges(venue));
  }

  bool read_market(const toml::table& table, MarketSettings& market) {
    MarketText text(market);
    if (!read_section(table, "market", fields_of(text, market))) return false;
    for (const auto& [name, rate] :
         {std::pair{"rate", text.rate}, {"unheard_trades", text.unheard}}) {
      if (rate >= 0 && rate <= 1e6) continue;
      return reader_.refuse(*table.get("market"),
                            fmt::format("market.{} must be from 0 to 1000000", name));
    }
    market.moves_per_1000_s = static_cast<uint64_t>(std::llround(text.rate * 1000));
    market.unheard_trades_per_1000_s = static_cast<uint64_t>(std::llround(text.unheard * 1000));
    return within(table, "market", check_ranges(market));
  }

  bool read_network(const toml::table& table, NetworkSettings& network) {
    std::optional<uint64_t> seed = network.seed;
    const bool good = read_section(table, "network", fields_of(network, seed));
    network.seed = *seed;
    return good && within(table, "network", check_ranges(network));
  }

  bool read_run(const toml::table& table, RunSettings& run) {
    std::optional<uint64_t> seed = run.seed;
    const bool good = read_section(table, "run", fields_of(run, seed));
    run.seed = *seed;
    run.says_for = static_cast<bool>(table["run"]["for"]);
    return good && within(table, "run", check_ranges(run));
  }

  bool read_sessions(const toml::table& table, std::vector<Settings>& sessions) {
    bool good = true;
    const toml::array* list = list_of(table, "session", good);
    if (list == nullptr) return good;
    for (const toml::node& each : *list) {
      Settings settings;
      if (!read_settings(*each.as_table(), settings, reader_)) return false;
      if (const auto valid = validate(settings); !valid) {
        return reader_.refuse(each, valid.error().message());
      }
      sessions.push_back(std::move(settings));
    }
    if (sessions.size() > sessions_max) return reader_.refuse(*list, "too many sessions");
    if (const auto valid = validate(sessions); !valid) {
      return reader_.refuse(*list, valid.error().message());
    }
    const uint64_t slots = sum_of_ring_slots(sessions);
    if (slots > shared_ring_slots_max) {
      return reader_.refuse(
          *list, fmt::format("the sessions have {} ring slots together, at most {}", slots,
                             shared_ring_slots_max));
    }
    return true;
  }

  // A list of plain tables.
  template <class T>
  bool read_list(const toml::table& table, std::string_view name, std::vector<T>& out) {
    bool good = true;
    const toml::array* list = list_of(table, name, good);
    if (list == nullptr) return good;
    for (const toml::node& each : *list) {
      T one;
      if (!reader_.read_table(*each.as_table(), fmt::format("{}.", name), fields_of(one))) {
        return false;
      }
      if (!within(each, check_ranges(one))) return false;
      out.push_back(std::move(one));
    }
    return true;
  }

  bool read_addresses(const toml::table& table, std::vector<VenueAddress>& out) {
    bool good = true;
    const toml::array* list = list_of(table, "address", good);
    if (list == nullptr) return good;
    out.clear();
    for (const toml::node& each : *list) {
      AddressText text;
      if (!reader_.read_table(*each.as_table(), "address.", fields_of(text))) return false;
      text.address.endpoint = addresses::parse_address(text.ip, text.address.endpoint.port);
      if (text.address.endpoint.family == 0) {
        return reader_.refuse(each, "address.ip must be an address, as \"203.0.113.7\"");
      }
      if (!within(each, check_ranges(text.address))) return false;
      const auto twice = std::ranges::find(out, text.address.endpoint, &VenueAddress::endpoint);
      if (twice != out.end()) return reader_.refuse(each, "the same address.ip twice");
      out.push_back(text.address);
    }
    if (out.size() > addresses::Addresses::listed_max) {
      return reader_.refuse(*list, "too many addresses");
    }
    return true;
  }

  bool read_symbols(const toml::table& table, MarketSettings& market) {
    bool good = true;
    const toml::array* list = list_of(table, "symbol", good);
    if (list == nullptr) return good;
    market.symbols.clear();
    for (const toml::node& each : *list) {
      SymbolText text;
      if (!reader_.read_table(*each.as_table(), "symbol.", fields_of(text))) return false;
      if (text.name.empty()) return reader_.refuse(each, "a symbol needs a name");
      MarketSymbol symbol = market_symbol(text.name);
      Decimal price;
      if (!text.price.empty()) {
        if (!parse_decimal(text.price, price) || price.mantissa < 1) {
          return reader_.refuse(each,
                                "symbol.price must be a number above 0, of at most 15 digits, in "
                                "quotes, as \"63501.7\"");
        }
        if (price.exponent > 0) return reader_.refuse(each, "symbol.price must have no power");
        symbol.mid_price = price.mantissa;
        symbol.price_decimals = static_cast<uint8_t>(-price.exponent);
      }
      if (text.qty_decimals > 8)
        return reader_.refuse(each, "symbol.qty_decimals must be at most 8");
      symbol.qty_decimals = static_cast<uint8_t>(text.qty_decimals);
      symbol.levels = text.levels;
      if (!within(each, check_ranges(symbol))) return false;
      market.symbols.push_back(std::move(symbol));
    }
    return within(*list, check_ranges(market.symbols));
  }

  bool has_keys_of_maintenance(const toml::table& table) {
    constexpr std::array<std::string_view, 6> known = {"kind", "at",          "lead",
                                                       "for",  "retry_after", "leg"};
    for (const auto& [key, node] : table) {
      if (std::ranges::find(known, key.str()) != known.end()) continue;
      return reader_.refuse(node, fmt::format("a maintenance has no `{}`: it has at, lead, for, "
                                              "retry_after and leg",
                                              key.str()));
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
        const std::string_view near = similar_name(text.kind, names);
        return reader_.refuse(
            each, fmt::format("unknown fault kind '{}'; {}", text.kind,
                              near.empty() ? fmt::format("known are {}", fmt::join(names, ", "))
                                           : fmt::format("the nearest known one is '{}'", near)));
      }
      if (!within(each, check_ranges(text))) return false;
      if (text.kind == "maintenance") {
        if (!text.fault.at || !text.fault.lasting) {
          return reader_.refuse(each, "a maintenance needs `at` and `for`");
        }
        if (!has_keys_of_maintenance(*each.as_table())) return false;
        plan.add_maintenance(*text.fault.at, text.lead.value_or(maintenance_lead),
                             *text.fault.lasting,
                             text.fault.retry_after.value_or(Duration::seconds(5)), text.fault.leg);
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

std::expected<Scenario, std::string> parse_scenario(std::string_view text, std::string_view name,
                                                    ScenarioUse use) {
  auto table = parse_toml(text, name);
  if (!table) return std::unexpected(table.error());
  Scenario scenario;
  ScenarioReader reader(name);
  const bool good = use == ScenarioUse::addition ? reader.read_addition(*table, scenario)
                                                 : reader.read(*table, scenario);
  const bool fits =
      use != ScenarioUse::simulation || (good && reader.fits_the_simulator(*table, scenario));
  if (!good || !fits) return std::unexpected(reader.error());
  return scenario;
}

std::unique_ptr<Venue> make_venue(const Scenario& scenario, Instant start) {
  auto market =
      std::make_unique<Market>(scenario.market, scenario.venue.seed, scenario.venue.utc_us);
  return std::make_unique<Venue>(scenario.venue, std::move(market), scenario.faults, start);
}

}  // namespace havklo::replay
