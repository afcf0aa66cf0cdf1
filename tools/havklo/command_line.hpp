// The whole command line: finds the subcommand, runs it, gives its exit code (commands.hpp).
//
// What is wrong is one line on stderr. Output that could not be written is an error, too: a result
// that is lost with a full disk must not look like a good one.
#pragma once

#include <span>

namespace havklo {

// As main() gets them: the program's name first.
[[nodiscard]] int run_command_line(std::span<char* const> arguments);

}  // namespace havklo
