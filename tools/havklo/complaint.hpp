// How a subcommand refuses: one line on stderr, which begins with its name. What it repeats of a
// file or a venue acts on no terminal.
//
//   constexpr Complaint refuse_run{"run"};
//   if (!settings) return refuse_run(settings.error());
#pragma once

#include <cstdio>
#include <string>

#include "havklo/commands.hpp"
#include "replay/text/printable.hpp"

namespace havklo {

class Complaint {
 public:
  // `exit_code`: what the command ends with then.
  explicit constexpr Complaint(const char* command, int exit_code = exit_usage)
      : command_(command), exit_code_(exit_code) {}

  int operator()(const std::string& what) const {
    std::fprintf(stderr, "havklo %s: %s\n", command_, replay::printable(what).c_str());
    return exit_code_;
  }

 private:
  const char* command_;
  int exit_code_;
};

}  // namespace havklo
