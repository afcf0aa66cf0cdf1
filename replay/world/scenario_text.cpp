// A scenario as the file that says the same.
#include <fmt/format.h>

#include <array>
#include <havklo/decimal.hpp>
#include <iterator>

#include "addresses/address_text.hpp"
#include "replay/text/settings_table.hpp"
#include "replay/world/scenario.hpp"
#include "replay/world/scenario_fields.hpp"

namespace havklo::replay {
namespace {

void write_section(std::string& out, std::string_view name, const std::vector<Field>& fields,
                   const std::vector<Field>& usual) {
  const std::string lines = changed_fields(fields, usual);
  if (!lines.empty()) fmt::format_to(std::back_inserter(out), "[{}]\n{}", name, lines);
}

template <class T>
void write_with_seed(std::string& out, std::string_view name, T settings) {
  T usual{};
  std::optional<uint64_t> seed = settings.seed;
  std::optional<uint64_t> usual_seed = usual.seed;
  write_section(out, name, fields_of(settings, seed), fields_of(usual, usual_seed));
}

void write_addresses(std::string& out, const std::vector<VenueAddress>& list) {
  if (list == NetworkSettings{}.addresses) return;
  for (const VenueAddress& each : list) {
    AddressText text{.ip = addresses::address_text(each.endpoint), .address = each};
    AddressText usual;
    out += "[[address]]\n" + changed_fields(fields_of(text), fields_of(usual));
  }
}

template <class T>
void write_each(std::string& out, std::string_view name, const std::vector<T>& list) {
  for (T each : list) {
    T usual{};
    fmt::format_to(std::back_inserter(out), "[[{}]]\n{}", name,
                   changed_fields(fields_of(each), fields_of(usual)));
  }
}

void write_market(std::string& out, const MarketSettings& market) {
  const MarketSettings usual;
  MarketSettings written = market;
  MarketSettings left_out = usual;
  MarketText said(market);
  MarketText usually_said(usual);
  write_section(out, "market", fields_of(said, written), fields_of(usually_said, left_out));
  for (const MarketSymbol& symbol : market.symbols) {
    SymbolText text{
        .name = symbol.name, .qty_decimals = symbol.qty_decimals, .levels = symbol.levels};
    append_decimal(text.price, symbol.mid_price, symbol.price_decimals);
    out += "[[symbol]]\n";
    write_fields(out, fields_of(text));
  }
}

void write_faults(std::string& out, const FaultPlan& plan) {
  for (const Fault& fault : plan.faults) {
    FaultText text{.fault = fault, .kind = std::string(to_string(fault.kind))};
    text.has_channel = fault.channel.has_value();
    text.channel = fault.channel.value_or(Channel::book);
    FaultText usual;
    out += "[[fault]]\n" + changed_fields(fields_of(text), fields_of(usual));
  }
}

}  // namespace

std::string to_toml(const Scenario& scenario) {
  std::string out;
  write_with_seed(out, "run", scenario.run);
  write_with_seed(out, "venue", scenario.venue);
  write_with_seed(out, "network", scenario.network);
  write_addresses(out, scenario.network.addresses);
  write_market(out, scenario.market);
  for (const Settings& session : scenario.sessions) {
    const Settings usual;
    out += "[[session]]\n";
    write_settings(out, session, "session.", &usual);
  }
  write_faults(out, scenario.faults);
  write_each(out, "command", scenario.commands);
  write_each(out, "pause", scenario.pauses);
  write_each(out, "jump", scenario.jumps);
  return out;
}

}  // namespace havklo::replay
