// havklo replay: run a recording again through the same core.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/debugger.hpp"
#include "havklo/event_printer.hpp"
#include "havklo/output_format.hpp"
#include "havklo/progress_bar.hpp"
#include "havklo/stop_signal.hpp"
#include "havklo/text_file.hpp"
#include "replay/playback/difference.hpp"
#include "replay/playback/player.hpp"
#include "replay/text/counted.hpp"
#include "replay/text/duration.hpp"
#include "replay/text/instant.hpp"
#include "replay/what_if/case.hpp"
#include "replay/what_if/comparison.hpp"
#include "replay/what_if/network_reader.hpp"

namespace havklo {
namespace {

using replay::Player;

struct ReplayOptions {
  std::string file;
  bool verify = false;
  std::string speed = "max";
  OutputFormat format = OutputFormat::text;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<uint64_t> break_at;
  std::optional<std::string> with;
  bool json = false;
  bool utc = false;
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

// A place in a recording: so long after its first turn, or the event of that number.
struct Place {
  std::optional<Duration> offset;
  uint64_t sequence = 0;
};

std::optional<Place> parse_place(std::string_view text) {
  Place place;
  const auto number = std::from_chars(text.data(), text.data() + text.size(), place.sequence);
  if (number.ec == std::errc{} && number.ptr == text.data() + text.size()) return place;
  // As it is printed: "+5.562460 s".
  if (text.starts_with('+')) text.remove_prefix(1);
  std::string time(text);
  const size_t blank = time.find(' ');
  const size_t unit = time.find_first_not_of(' ', blank);
  if (blank != 0 && unit != time.npos && time[unit] >= 'a' && time[unit] <= 'z') {
    time.erase(blank, unit - blank);
  }
  place.offset = replay::parse_duration(time);
  if (!place.offset || *place.offset < Duration{}) return std::nullopt;
  return place;
}

// Of two of a kind; a time and a number are not compared.
bool is_behind(const Place& one, const Place& other) {
  if (one.offset && other.offset) return *one.offset > *other.offset;
  return !one.offset && !other.offset && one.sequence > other.sequence;
}

// Keeps the recording's pace: sleeps until a turn's time has come.
class Pace {
 public:
  explicit Pace(double factor) : factor_(factor) {}
  void wait_for(Instant turn, const StopSignal& stop) {
    using clock = std::chrono::steady_clock;
    if (!begun_) {
      begun_ = true;
      first_turn_ = turn;
      began_ = clock::now();
    }
    const double ns = static_cast<double>((turn - first_turn_).ns) / factor_;
    const auto until = began_ + std::chrono::nanoseconds(static_cast<int64_t>(ns));
    // In pieces, so that Ctrl-C need not wait for the recording.
    while (!stop.requested() && clock::now() < until) {
      std::this_thread::sleep_until(std::min(until, clock::now() + std::chrono::milliseconds(50)));
    }
  }

 private:
  double factor_;
  bool begun_ = false;
  Instant first_turn_;
  std::chrono::steady_clock::time_point began_;
};

// What of the recording is asked for, both ends included. A time names what is printed with it, so
// both are compared in the microseconds that are shown.
class PlayedRange {
 public:
  PlayedRange(const std::optional<Place>& from, const std::optional<Place>& to)
      : from_(from), to_(to) {}

  void begin(Instant first_turn) {
    if (!begun_) start_ = first_turn;
    begun_ = true;
  }
  [[nodiscard]] Instant start() const { return start_; }
  [[nodiscard]] bool covers(const Event& event) const {
    return has_begun(event.time, event.sequence) && !is_behind(event.time, event.sequence);
  }
  // Nothing of this turn or a later one is asked for; `last`: the last event so far.
  [[nodiscard]] bool is_over(Instant turn, uint64_t last) const {
    return is_behind(turn, last + 1);
  }
  // Why nothing of it is in a recording that ends with this turn and event; "": it may be.
  [[nodiscard]] std::string behind(Instant last_turn, uint64_t last) const {
    if (has_begun(last_turn, last)) return "";
    if (!from_->offset) return fmt::format("the recording's events are 1 to {}", last);
    return "the recording ends before, at " + replay::offset_text(last_turn, start_);
  }
  [[nodiscard]] bool has_begun(Instant at, uint64_t sequence) const {
    if (!from_) return true;
    return from_->offset ? us(at) >= replay::whole_us(*from_->offset) : sequence >= from_->sequence;
  }

 private:
  [[nodiscard]] bool is_behind(Instant at, uint64_t sequence) const {
    if (!to_) return false;
    return to_->offset ? us(at) > replay::whole_us(*to_->offset) : sequence > to_->sequence;
  }
  [[nodiscard]] int64_t us(Instant at) const { return replay::whole_us(at - start_); }

  std::optional<Place> from_;
  std::optional<Place> to_;
  bool begun_ = false;
  Instant start_;
};

constexpr Complaint refuse_replay{"replay"};

int show_end(const replay::PlayResult& result, const Names& names, Instant start) {
  if (!result.torn.empty()) {
    fmt::print(stderr, "havklo replay: the recording is torn: {}\n", result.torn);
  }
  if (!result.difference) return exit_good;
  fmt::print(stderr, "havklo replay: {}",
             replay::difference_text(*result.difference, names, start));
  return exit_failed;
}

// Of the turn that was read: from where its events' times count.
void count_times(const ReplayOptions& options, const Player& player, Instant first_turn,
                 EventPrinter& printer) {
  printer.count_from(first_turn);
  const auto offset = player.turn().utc_offset;
  if (options.utc && offset) printer.show_utc(*offset);
}

int play(const ReplayOptions& options, Player& player, PlayedRange& range, double speed) {
  const StopSignal stop;
  EventPrinter printer(options.format, wants_colour());
  printer.name_sessions(player.header().sessions());
  if (options.utc) printer.show_utc(player.header().utc_offset);
  // A bar and events on one terminal would spoil each other.
  ProgressBar progress(options.verify || ::isatty(STDOUT_FILENO) == 0);
  Pace pace(speed);
  Instant last_turn;
  uint64_t last = 0;
  bool cut = false;
  for (;;) {
    Player::Status status = player.read();
    const Instant now = player.turn().now;
    if (status == Player::Status::turn) {
      last_turn = now;
      range.begin(now);
      count_times(options, player, range.start(), printer);
      cut = range.is_over(now, last) || stop.requested() || printer.gone();
      if (cut) break;
      if (speed > 0 && range.has_begun(now, last + 1)) {
        printer.flush();
        pace.wait_for(now, stop);
      }
      status = player.run_turn();
    }
    for (const Event& event : player.events()) {
      last = event.sequence;
      if (!options.verify && range.covers(event)) printer.print(event, player.names());
    }
    const replay::Reader& reader = player.reader();
    progress.show(reader.bytes_read(), reader.file_bytes(), player.result().turns, "turns");
    if (status != Player::Status::turn) break;
  }
  printer.flush();
  progress.clear();
  const replay::PlayResult& result = player.result();
  int exit_code = show_end(result, player.names(), range.start());
  if (!options.verify && !cut && exit_code == exit_good) {
    const std::string why = range.behind(last_turn, last);
    if (!why.empty()) exit_code = refuse_replay("--from " + *options.from + ": " + why);
  }
  if (options.verify && exit_code == exit_good) {
    const bool whole = result.torn.empty();
    fmt::print("replayed {}, {}{}: identical{}\n", replay::counted(result.turns, "turn"),
               replay::counted(result.events, "event"), cut ? " (not to the end)" : "",
               whole ? "" : " so far, but the recording is not whole");
    if (!whole) exit_code = exit_failed;
  }
  return printer.lost() ? exit_failed : exit_code;
}

// The turn that publishes the event, found by a run of its own; 0: none does.
uint64_t turn_of(const std::string& file, uint64_t sequence, uint64_t& last) {
  Player player(replay::Reader::open(file).value());
  for (;;) {
    const Player::Status status = player.step();
    for (const Event& event : player.events()) last = event.sequence;
    if (last >= sequence && sequence != 0) return player.turn().number;
    if (status != Player::Status::turn) return 0;
  }
}

// Stops before the turn that publishes the event: its inputs are known, nothing is decided.
int break_at(const ReplayOptions& options, Player& player) {
  if (!is_debugged()) {
    return refuse_replay(
        fmt::format("--break-at stops in a debugger: gdb --args havklo replay {} --break-at {}",
                    options.file, *options.break_at));
  }
  uint64_t last = 0;
  const uint64_t wanted = turn_of(options.file, *options.break_at, last);
  if (wanted == 0) {
    return refuse_replay(
        fmt::format("--break-at {}: the recording's events are 1 to {}", *options.break_at, last));
  }
  EventPrinter printer(options.format, wants_colour());
  printer.name_sessions(player.header().sessions());
  if (options.utc) printer.show_utc(player.header().utc_offset);
  Player::Status status = player.read();
  const Instant first_turn = player.turn().now;
  for (; status == Player::Status::turn; status = player.read()) {
    count_times(options, player, first_turn, printer);
    if (player.turn().number == wanted) {
      printer.flush();
      fmt::print(stderr,
                 "havklo replay: turn {} is about to publish event {}: `finish` and `step`, or "
                 "`break havklo::core::Lifecycle::step` and `continue`\n",
                 wanted, *options.break_at);
      break_into_debugger();
    }
    status = player.run_turn();
    for (const Event& event : player.events()) printer.print(event, player.names());
    if (status != Player::Status::turn) break;
  }
  printer.flush();
  const int exit_code = show_end(player.result(), player.names(), first_turn);
  return printer.lost() ? exit_failed : exit_code;
}

// The recording answers nothing. In a sweep that is a result, told with the others.
int no_answer(const ReplayOptions& options, const std::string& why, int exit_code) {
  fmt::print(stderr, "havklo replay: {}\n", why);
  if (!options.json) return exit_code;
  const std::string first_line = why.substr(0, why.find('\n'));
  fmt::print("{}\n",
             replay::to_json(
                 {.recording = options.file, .settings = *options.with, .failure = first_line}));
  return exit_failed;
}

// The outages with other settings, beside the recorded ones.
int what_if(const ReplayOptions& options) {
  if (options.with->empty()) return refuse_replay("--with '': must be a file of settings (TOML)");
  const auto toml = read_text_file(*options.with);
  if (!toml) return refuse_replay(toml.error());
  auto reader = replay::Reader::open(options.file);
  if (!reader) return no_answer(options, reader.error(), exit_usage);
  const auto settings = replay::other_settings(reader->header().settings, *toml, *options.with);
  if (!settings) return refuse_replay(settings.error());
  const auto network = replay::observe_network(std::move(*reader));
  if (!network) return no_answer(options, network.error(), exit_failed);
  if (!network->torn.empty()) {
    fmt::print(stderr, "havklo replay: the recording is torn: {}\n", network->torn);
  }
  const replay::WhatIf result = replay::compare(*network, *settings);
  if (!result.unfinished.empty()) return no_answer(options, result.unfinished, exit_failed);
  if (options.json) {
    fmt::print("{}\n", replay::to_json({.recording = options.file,
                                        .settings = *options.with,
                                        .torn = network->torn,
                                        .rate_errors = network->rate_errors,
                                        .what_if = result}));
  } else {
    fmt::print("{}",
               replay::to_text(result, *network,
                               replay::settings_changed(network->header.settings, *settings),
                               options.utc ? replay::Times::utc : replay::Times::since_first_turn));
  }
  return exit_good;
}

int replay_file(const ReplayOptions& options) {
  if (options.with) return what_if(options);
  const auto speed = parse_speed(options.speed);
  if (!speed) {
    return refuse_replay(
        fmt::format("--speed {}: must be max, or a factor as 1x or 10x", options.speed));
  }
  std::optional<Place> from;
  std::optional<Place> to;
  for (const auto& [name, text, place] :
       {std::tuple("from", &options.from, &from), std::tuple("to", &options.to, &to)}) {
    if (!*text) continue;
    *place = parse_place(**text);
    if (!*place) {
      return refuse_replay(
          fmt::format("--{} {}: must be a time after the first turn as 90s, or an event's number",
                      name, **text));
    }
  }
  if (from && to && is_behind(*from, *to)) {
    return refuse_replay(
        fmt::format("--from {} lies behind --to {}: exchange them", *options.from, *options.to));
  }
  auto reader = replay::Reader::open(options.file);
  if (!reader) return refuse_replay(reader.error());
  Player player(std::move(*reader));
  if (options.break_at) return break_at(options, player);
  PlayedRange range(from, to);
  return play(options, player, range, *speed);
}

}  // namespace

void add_replay_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = program.add_subcommand(
      "replay",
      "Run a recording again and print its events; exit 1 if one differs from the recorded.\n"
      "Examples:\n"
      "  havklo replay outage.hvk --verify\n"
      "  havklo replay outage.hvk --from 90s --to 95s --format jsonl\n"
      "  havklo replay outage.hvk --with patient.toml\n"
      "  gdb --args havklo replay outage.hvk --break-at 4711");
  command->add_option("file", options->file, "the recording")->required();
  command->add_flag("--verify", options->verify,
                    "only compare, and say the result; exit 1 also if the recording is not whole");
  command->add_option("--from", options->from,
                      "print from here: a time after the first turn, as replay prints it (90s), "
                      "or an event's number");
  command->add_option("--to", options->to, "stop here; as --from");
  command->add_option("--speed", options->speed, "max (default), or a factor as 1x or 10x");
  add_format_option(*command, options->format);
  command->add_flag("--utc", options->utc,
                    "print the wall clock's times, in UTC, instead of those after the first turn");
  command->add_option("--break-at", options->break_at,
                      "under a debugger, stop in the turn that publishes this event");
  CLI::Option* with =
      command
          ->add_option("--with", options->with,
                       "what if: the recorded network again, with these settings (TOML) over the "
                       "recorded ones; prints the outages side by side")
          ->excludes("--verify")
          ->excludes("--break-at");
  command
      ->add_flag("--json", options->json,
                 "with --with: the outages as one line of JSON, for havklo merge")
      ->needs(with);
  command->callback([options, &exit_code] { exit_code = replay_file(*options); });
}

}  // namespace havklo
