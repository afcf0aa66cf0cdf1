// The keys of a scenario file, section by section, once for reading and for writing.
//
// Fields refer to the variables that they fill; both live as long as the reading or writing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/text/toml_fields.hpp"
#include "replay/world/scenario.hpp"

namespace havklo::replay {

// A symbol as written.
struct SymbolText {
  std::string name;
  std::string price;
  uint32_t qty_decimals = 8;
  uint32_t levels = MarketSymbol{}.levels;
};

// The rates of a market as written: a second.
struct MarketText {
  explicit MarketText(const MarketSettings& market)
      : rate(static_cast<double>(market.moves_per_1000_s) / 1000),
        unheard(static_cast<double>(market.unheard_trades_per_1000_s) / 1000) {}
  double rate;
  double unheard;
};

// An address as written.
struct AddressText {
  std::string ip;
  VenueAddress address;
};

// How long before a maintenance it is announced, if it does not say.
inline constexpr Duration maintenance_lead = Duration::seconds(1);

// A fault as written: its kind by name, the maintenance shorthand's own fields.
struct FaultText {
  Fault fault;
  std::string kind;
  Channel channel = Channel::book;
  bool has_channel = false;
  std::optional<Duration> lead;
};

[[nodiscard]] std::vector<Field> fields_of(VenueSettings& venue, std::optional<uint64_t>& seed);
[[nodiscard]] std::vector<Field> fields_of(NetworkSettings& network, std::optional<uint64_t>& seed);
[[nodiscard]] std::vector<Field> fields_of(AddressText& text);
[[nodiscard]] std::vector<Field> fields_of(RunSettings& run, std::optional<uint64_t>& seed);
[[nodiscard]] std::vector<Field> fields_of(SymbolText& symbol);
[[nodiscard]] std::vector<Field> fields_of(MarketText& text, MarketSettings& market);
[[nodiscard]] std::vector<Field> fields_of(FaultText& text);
[[nodiscard]] std::vector<Field> fields_of(PlannedCommand& command);
[[nodiscard]] std::vector<Field> fields_of(ConsumerPause& pause);
[[nodiscard]] std::vector<Field> fields_of(ClockJump& jump);

}  // namespace havklo::replay
