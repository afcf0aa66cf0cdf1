// Settings as a table inside a larger TOML file.
//
// Owns nothing.
#pragma once

#include <havklo/config.hpp>
#include <string>
#include <string_view>

#include "replay/text/toml_fields.hpp"

namespace havklo::replay {

// False: reader.error() says why. What the table does not say keeps its value.
[[nodiscard]] bool read_settings(const toml::table& table, Settings& settings, TableReader& reader);
// … of one session or several.
[[nodiscard]] bool read_settings(const toml::table& table, EngineSettings& settings,
                                 TableReader& reader);

// Appends the settings; `prefix` stands before the names of tables, as "session.". Keys with the
// value that they have in `defaults` are left out, when there are any.
void write_settings(std::string& out, const Settings& settings, std::string_view prefix,
                    const Settings* defaults);

}  // namespace havklo::replay
