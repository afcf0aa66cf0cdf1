// havklo: the command line.
#include "havklo/command_line.hpp"

int main(int argc, char** argv) {
  return havklo::run_command_line({argv, static_cast<size_t>(argc)});
}
