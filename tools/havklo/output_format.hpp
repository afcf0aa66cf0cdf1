// What is printed is text for people or JSON lines for programs: the option --format.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace havklo {

enum class OutputFormat { text, jsonl };

// Adds --format, which sets `format`; `what` stands before its values in the help ("of the log: ").
void add_format_option(CLI::App& command, OutputFormat& format, const std::string& what = "");

}  // namespace havklo
