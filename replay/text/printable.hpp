// Text of a stranger (a venue's refusal, a file's header) as a terminal and JSON may have it.
//
// Nothing in it acts: control characters, line and paragraph separators and the marks that turn the
// direction of writing are written as escapes, and so is what is no UTF-8.
// Threads: any.   Cost: O(n); text of printable ASCII is copied.
#pragma once

#include <string>
#include <string_view>

namespace havklo::replay {

// For people: `\n`, `\x1b`, `\u202e`; a byte that is no UTF-8 as `\xff`.
void append_printable(std::string& out, std::string_view text);
[[nodiscard]] std::string printable(std::string_view text);

// What stands between the quotes of a text in JSON or TOML; a byte that is no UTF-8 as U+FFFD.
void append_in_quotes(std::string& out, std::string_view text);

}  // namespace havklo::replay
