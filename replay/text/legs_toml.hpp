// The connections of a session in a TOML table: `legs = 2`, and what each says of its own in a list
// of tables, [[leg]].
//
// Owns nothing.
#pragma once

#include <cstdint>
#include <havklo/config.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/text/toml_fields.hpp"

namespace havklo::replay {

// How many a table says there are; none: it does not say.
using LegCount = std::optional<uint32_t>;

// The keys that stand beside the session's url.
[[nodiscard]] std::vector<Field> leg_fields(LegCount& count, Settings& settings);

// Behind the fields: a number alone leaves what was said of the first legs, tables replace all.
// False: reader.error() says why.
[[nodiscard]] bool read_legs(const toml::table& table, std::string_view prefix, LegCount count,
                             Settings& settings, TableReader& reader);

// The keys beside the url, and the tables; "" where `usual` says the same.
[[nodiscard]] std::string leg_keys_text(const Settings& settings, const Settings& usual);
[[nodiscard]] std::string leg_tables_text(const Settings& settings, const Settings& usual,
                                          std::string_view prefix);

}  // namespace havklo::replay
