// havklo: the command line. A subcommand a file.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "havklo/commands.hpp"
#include "havklo/version.hpp"

namespace {

// CLI11 explains at length; we say what is wrong in one line.
int usage_error(const CLI::App& program, const CLI::ParseError& error) {
  std::string what = error.what();
  for (char& c : what) {
    if (c == '\n') c = ' ';
  }
  const CLI::App* command = &program;
  for (const CLI::App* each : program.get_subcommands()) command = each;
  const std::string name = command == &program ? "havklo" : "havklo " + command->get_name();
  std::fprintf(stderr, "%s: %s (see %s --help)\n", name.c_str(), what.c_str(), name.c_str());
  return havklo::exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App program{
      "Havklo keeps an exchange connection alive and tells the truth about it.\n"
      "Examples:\n"
      "  havklo demo\n"
      "  havklo run --symbol BTC/USD --channel book --depth 10\n",
      "havklo"};
  program.set_version_flag("--version", havklo::version_text());
  program.require_subcommand(1);
  program.option_defaults()->always_capture_default(false);
  int exit_code = 0;
  havklo::add_run_command(program, exit_code);
  havklo::add_exchange_command(program, exit_code);
  havklo::add_replay_command(program, exit_code);
  havklo::add_inspect_command(program, exit_code);
  havklo::add_sim_command(program, exit_code);
  havklo::add_merge_command(program, exit_code);
  havklo::add_demo_command(program, exit_code);
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return program.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return program.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return program.exit(version);
  } catch (const CLI::ParseError& error) {
    return usage_error(program, error);
  }
  return exit_code;
}
