// havklo replay: run a recording again through the same core.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "havklo/commands.hpp"
#include "havklo/event_printer.hpp"
#include "havklo/stop_signal.hpp"
#include "replay/player.hpp"

namespace havklo {
namespace {

struct ReplayOptions {
  std::string file;
  bool verify = false;
  std::string speed = "max";
  std::string format = "text";
};

// "max" is 0; "2.5x" is 2.5. Nothing if it is neither.
std::optional<double> parse_speed(const std::string& text) {
  if (text == "max") return 0.0;
  size_t used = 0;
  double factor = 0;
  try {
    factor = std::stod(text, &used);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  if (used + 1 != text.size() || text[used] != 'x' || !(factor > 0)) return std::nullopt;
  return factor;
}

// Keeps the recording's pace: sleeps until a turn's time has come.
class Pace {
 public:
  explicit Pace(double factor) : factor_(factor) {}
  void wait_for(Instant turn) {
    using clock = std::chrono::steady_clock;
    if (!begun_) {
      begun_ = true;
      first_turn_ = turn;
      began_ = clock::now();
    }
    const double ns = static_cast<double>((turn - first_turn_).ns) / factor_;
    std::this_thread::sleep_until(began_ + std::chrono::nanoseconds(static_cast<int64_t>(ns)));
  }

 private:
  double factor_;
  bool begun_ = false;
  Instant first_turn_;
  std::chrono::steady_clock::time_point began_;
};

void show(const replay::Difference& difference, const Names& names) {
  std::fprintf(
      stderr,
      "havklo replay: turn %llu differs: recorded %u events (digest %08x), replayed %zu (%08x)\n",
      static_cast<unsigned long long>(difference.turn), difference.recorded_events,
      difference.recorded_digest, difference.events.size(), difference.replayed_digest);
  for (const std::string& input : difference.inputs) {
    std::fprintf(stderr, "  in:  %s\n", input.c_str());
  }
  replay::EventText text(false);
  for (const Event& event : difference.events) {
    std::string line;
    text.append(line, event, names);
    std::fprintf(stderr, "  out: %s\n", line.c_str());
  }
}

int replay_file(const ReplayOptions& options) {
  const auto speed = parse_speed(options.speed);
  if (!speed) {
    std::fprintf(stderr, "havklo replay: --speed %s: must be max, or a factor as 1x or 10x\n",
                 options.speed.c_str());
    return exit_usage;
  }
  auto reader = replay::Reader::open(options.file);
  if (!reader) {
    std::fprintf(stderr, "havklo replay: %s\n", reader.error().c_str());
    return exit_usage;
  }
  const StopSignal stop;
  replay::Player player(std::move(*reader));
  EventPrinter printer(format_named(options.format), wants_colour());
  Pace pace(*speed);
  replay::Player::OnEvent on_event;
  if (!options.verify) {
    on_event = [&](const Event& event, const Names& names) { printer.print(event, names); };
  }
  replay::Player::OnTurn on_turn;
  if (*speed > 0) {
    on_turn = [&](Instant now) {
      printer.flush();
      pace.wait_for(now);
    };
  }
  const replay::PlayResult result = player.run(on_event, on_turn);
  printer.flush();
  if (!result.torn.empty()) {
    std::fprintf(stderr, "havklo replay: the recording is torn: %s\n", result.torn.c_str());
  }
  if (result.difference) {
    show(*result.difference, player.names());
    return exit_failed;
  }
  if (options.verify) {
    fmt::print("replayed {} turns, {} events: identical\n", result.turns, result.events);
  }
  return exit_good;
}

}  // namespace

void add_replay_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = program.add_subcommand(
      "replay",
      "Run a recording again and print its events; exit 1 if one differs from the recorded.\n"
      "Example: havklo replay outage.hvk --verify");
  command->add_option("file", options->file, "the recording")->required();
  command->add_flag("--verify", options->verify, "only compare, and say the result");
  command->add_option("--speed", options->speed, "max (default), or a factor as 1x or 10x");
  command->add_option("--format", options->format, "text (default) or jsonl")
      ->check(CLI::IsMember({"text", "jsonl"}));
  command->callback([options, &exit_code] { exit_code = replay_file(*options); });
}

}  // namespace havklo
