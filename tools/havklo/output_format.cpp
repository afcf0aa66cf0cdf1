// The names of the formats on the command line.
#include "havklo/output_format.hpp"

#include <CLI/CLI.hpp>

namespace havklo {

void add_format_option(CLI::App& command, OutputFormat& format, const std::string& what) {
  command
      .add_option_function<std::string>(
          "--format",
          [&format](const std::string& name) {
            format = name == "jsonl" ? OutputFormat::jsonl : OutputFormat::text;
          },
          what + "text (default) or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}));
}

}  // namespace havklo
