// A subcommand a file; here is what they share.
#include "havklo/command_line.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "havklo/commands.hpp"
#include "havklo/version_text.hpp"
#include "replay/text/nearest_name.hpp"

namespace havklo {
namespace {

std::string nearest_of(std::string_view wrong, const std::vector<std::string>& known) {
  const std::vector<std::string_view> names(known.begin(), known.end());
  const std::string_view near = replay::similar_name(wrong, names);
  return near.empty() ? std::string() : "; the nearest is " + std::string(near);
}

// What stands where nothing is expected, in the order in which it was given.
std::string describe_unexpected(const CLI::App& command, const std::vector<std::string>& words) {
  if (words.front().starts_with('-')) {
    const std::string option = words.front().substr(0, words.front().find('='));
    std::vector<std::string> known;
    for (const CLI::Option* each : command.get_options()) {
      for (const std::string& name : each->get_lnames()) known.push_back("--" + name);
    }
    return option + " is no option" + nearest_of(option, known);
  }
  std::string text = "unexpected:";
  for (const std::string& word : words) text += " " + word;
  return text;
}

// CLI11 explains at length; we say what is wrong in one line.
int usage_error(const CLI::App& program, const CLI::ParseError& error) {
  std::string what = error.what();
  for (char& c : what) {
    if (c == '\n') c = ' ';
  }
  const CLI::App* command = &program;
  for (const CLI::App* each : program.get_subcommands()) command = each;
  const std::string name = command == &program ? "havklo" : "havklo " + command->get_name();
  const std::vector<std::string> unexpected = command->remaining();
  if (command == &program && !unexpected.empty() && !unexpected.front().starts_with('-')) {
    std::vector<std::string> known;
    for (const CLI::App* each : program.get_subcommands({})) known.push_back(each->get_name());
    what = "'" + unexpected.front() + "' is no subcommand" + nearest_of(unexpected.front(), known);
  } else if (!unexpected.empty()) {
    what = describe_unexpected(*command, unexpected);
  }
  std::fprintf(stderr, "%s: %s (see %s --help)\n", name.c_str(), what.c_str(), name.c_str());
  return exit_usage;
}

// CLI11 takes -1 for the greatest number that there is.
std::string refuse_negative(const std::string& number) {
  return number.starts_with('-') ? "must be a whole number, 0 or more, not " + number : "";
}
void refuse_negative_numbers(CLI::App& program) {
  for (CLI::App* command : program.get_subcommands({})) {
    for (CLI::Option* option : command->get_options()) {
      if (option->get_type_name() == "UINT") option->check(refuse_negative);
    }
  }
}

// A descriptor that we were not given would be the next file that is opened: a recording, with our
// text in it. Standard output is then one that cannot be written to.
void hold_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    static_cast<void>(::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY));
  }
}

// A file that meets its limit (RLIMIT_FSIZE) shows as an error of write(), which is told. The
// signal would end us in the middle of a recording.
void expect_full_files() { std::signal(SIGXFSZ, SIG_IGN); }

// A reader that has seen enough (`| head`) lost nothing.
bool is_reader_gone() {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

// What was printed has not arrived.
int unwritten(int error, int exit_code) {
  if (error == EPIPE || is_reader_gone()) return exit_code;
  const char* why = error == EBADF ? "standard output is closed" : std::strerror(error);
  if (error == 0) why = "a write failed";
  std::fprintf(stderr, "havklo: cannot write the output: %s\n", why);
  return exit_code == exit_good ? exit_failed : exit_code;
}

// What was printed must have arrived, also what was flushed before.
int flushed(int exit_code) {
  const bool failed_before = std::ferror(stdout) != 0;
  errno = 0;
  const bool arrived = std::fflush(stdout) == 0 && !failed_before;
  const int error = errno;
  return arrived ? exit_code : unwritten(error, exit_code);
}
// By stdio, not by a stream that keeps its errors to itself.
int said(const CLI::App& program, const CLI::Error& what) {
  std::ostringstream text;
  const int exit_code = program.exit(what, text, text);
  std::fputs(text.str().c_str(), stdout);
  return exit_code;
}

int run_subcommand(std::span<char* const> arguments) {
  CLI::App program{
      "Havklo keeps an exchange connection alive and tells the truth about it.\n"
      "Examples:\n"
      "  havklo demo\n"
      "  havklo run --symbol BTC/USD --channel book --depth 10\n",
      "havklo"};
  program.set_version_flag("--version", version_text());
  program.require_subcommand(1);
  program.option_defaults()->always_capture_default(false);
  int exit_code = exit_good;
  add_run_command(program, exit_code);
  add_exchange_command(program, exit_code);
  add_replay_command(program, exit_code);
  add_inspect_command(program, exit_code);
  add_sim_command(program, exit_code);
  add_merge_command(program, exit_code);
  add_demo_command(program, exit_code);
  refuse_negative_numbers(program);
  try {
    program.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::CallForHelp& help) {
    exit_code = said(program, help);
  } catch (const CLI::CallForAllHelp& help) {
    exit_code = said(program, help);
  } catch (const CLI::CallForVersion& version) {
    exit_code = said(program, version);
  } catch (const CLI::ParseError& error) {
    return usage_error(program, error);
  } catch (const std::system_error& error) {
    // Of fmt::print(), where its text is longer than the buffer of stdio; of exchange.
    if (std::ferror(stdout) != 0) return unwritten(error.code().value(), exit_failed);
    std::fprintf(stderr, "havklo: %s\n", error.what());
    return exit_failed;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "havklo: %s\n", error.what());
    return exit_failed;
  }
  return flushed(exit_code);
}

}  // namespace

int run_command_line(std::span<char* const> arguments) {
  hold_standard_streams();
  expect_full_files();
  try {
    return run_subcommand(arguments);
  } catch (const std::bad_alloc&) {  // while the options were made, or of a command
    std::fputs("havklo: out of memory\n", stderr);
    return exit_failed;
  }
}

}  // namespace havklo
