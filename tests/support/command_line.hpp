// The program's command line, run in this process: what it says, and how it ends.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "havklo/command_line.hpp"
#include "havklo/commands.hpp"

namespace havklo {

struct Said {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Its exit code; what it says goes where this process' own does.
inline int run_havklo(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "havklo");
  std::vector<char*> words;
  for (std::string& each : arguments) words.push_back(each.data());
  words.push_back(nullptr);
  return run_command_line(std::span(words).first(arguments.size()));
}

inline Said havklo_says(std::vector<std::string> arguments) {
  Said said;
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  said.exit_code = run_havklo(std::move(arguments));
  said.out = testing::internal::GetCapturedStdout();
  said.err = testing::internal::GetCapturedStderr();
  return said;
}

}  // namespace havklo
