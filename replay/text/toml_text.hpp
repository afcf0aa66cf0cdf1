// TOML text to a table, from a stranger too: a recording's header is TOML.
//
// toml++ frees a table by going into each table in it, and nothing of its own bounds how deep keys
// with dots go: some ten thousand parts, and the stack is at its end.
// Owns nothing.   Threads: any.   Cost: one more pass over the text.
// Errors: one line with the place.
#pragma once

#include <toml++/toml.h>

#include <expected>
#include <string>
#include <string_view>

namespace havklo::replay {

// Of one key, as `session.reconnect.initial_delay`; ours have three.
inline constexpr size_t toml_key_parts_max = 16;

// `source` stands in errors: the file's name.
[[nodiscard]] std::expected<toml::table, std::string> parse_toml(std::string_view text,
                                                                 std::string_view source);

}  // namespace havklo::replay
