// havklo run: connect and print events until stopped.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <havklo/engine_client.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/counters_text.hpp"
#include "havklo/event_printer.hpp"
#include "havklo/output_format.hpp"
#include "havklo/stop_signal.hpp"
#include "havklo/text_file.hpp"
#include "replay/text/duration.hpp"
#include "replay/text/size.hpp"

namespace havklo {
namespace {

using Clock = std::chrono::steady_clock;

// Beyond close_timeout: what the engine and the disk may take to finish.
constexpr std::chrono::seconds close_grace{2};

struct RunOptions {
  std::string config;
  std::optional<std::string> url;
  std::vector<std::string> symbols;
  std::vector<std::string> channels;
  std::optional<uint32_t> depth;
  std::optional<std::string> interval;
  std::optional<std::string> ca_file;
  std::optional<std::string> record;
  std::string record_max_size;
  std::string record_max_age;
  bool record_overwrite = false;
  std::string duration;
  bool no_reconnect = false;
  bool counters = false;
  std::optional<std::string> idle;
  std::optional<std::string> network;
  std::optional<uint32_t> cpu;
  std::optional<uint64_t> seed;
  OutputFormat format = OutputFormat::text;
};

std::vector<std::string> channel_names() {
  std::vector<std::string> names;
  for (uint8_t i = 0; i < channel_count; ++i) names.emplace_back(to_string(Channel{i}));
  return names;
}

Network network_named(const std::string& name) {
  if (name == "auto") return Network::automatic;
  return name == "sockets" ? Network::sockets : Network::io_uring;
}

std::expected<EngineSettings, std::string> read_config(const std::string& path) {
  if (path.empty()) return EngineSettings(Settings{});
  const auto text = read_text_file(path);
  if (!text) return std::unexpected(text.error());
  return engine_settings_from_toml(*text, path);
}

// What is said for one session can be meant for none of several.
std::expected<void, std::string> check_options_of_one(const RunOptions& options, size_t sessions) {
  if (sessions == 1) return {};
  const auto refuse = [&](const char* option) {
    return std::unexpected(std::string(option) + " is of one session, and " + options.config +
                           " has " + std::to_string(sessions) + ": say it there");
  };
  if (options.url) return refuse("--url");
  if (!options.symbols.empty()) return refuse("--symbol");
  if (options.depth) return refuse("--depth");
  if (options.interval) return refuse("--interval");
  return {};
}

// A leg's own url is not the session's, which is what the option says.
std::expected<void, std::string> check_url_of_legs(const RunOptions& options,
                                                   const Settings& session) {
  const bool nobody_takes_it =
      std::ranges::all_of(session.legs, [](const LegSettings& leg) { return leg.url.has_value(); });
  if (!options.url || !nobody_takes_it) return {};
  return std::unexpected("--url is of legs without one of their own, and in " + options.config +
                         " each has one: say it there");
}

// Symbols or channels given here replace the file's subscriptions.
std::expected<void, std::string> apply_to(Settings& session, const RunOptions& options) {
  if (auto of_legs = check_url_of_legs(options, session); !of_legs) return of_legs;
  if (options.url) session.url = *options.url;
  if (options.ca_file) session.ca_file = *options.ca_file;
  if (options.no_reconnect) session.reconnect.enabled = false;
  std::optional<uint32_t> interval;
  if (options.interval) {
    interval = replay::parse_minutes(*options.interval);
    if (!interval) {
      return std::unexpected("--interval " + *options.interval +
                             ": must be whole minutes, as 5m or 1h");
    }
  }
  if (!options.symbols.empty()) {
    std::vector<std::string> channels = options.channels;
    if (channels.empty()) channels = {"book"};
    session.subscriptions.clear();
    for (const std::string& channel : channels) {
      session.subscriptions.push_back(
          {.channel = channel_named(channel).value(), .symbols = options.symbols});
    }
  }
  for (SubscriptionSettings& each : session.subscriptions) {
    if (options.depth) each.depth = *options.depth;
    if (interval) each.interval_minutes = *interval;
  }
  return {};
}

// The command line wins over the file.
std::expected<EngineSettings, std::string> make_settings(const RunOptions& options) {
  auto settings = read_config(options.config);
  if (!settings) return settings;
  if (options.idle) settings->idle = *options.idle == "park" ? Idle::park : Idle::spin;
  if (options.network) settings->network = network_named(*options.network);
  if (options.cpu) settings->cpu = *options.cpu;
  if (options.seed) settings->seed = *options.seed;
  if (options.symbols.empty() && !options.channels.empty()) {
    return std::unexpected("--channel needs --symbol: name the pairs, as --symbol BTC/USD");
  }
  if (auto of_one = check_options_of_one(options, settings->sessions.size()); !of_one) {
    return std::unexpected(std::move(of_one.error()));
  }
  for (Settings& session : settings->sessions) {
    if (auto applied = apply_to(session, options); !applied) {
      return std::unexpected(std::move(applied.error()));
    }
  }
  if (settings->sessions.size() == 1 && settings->sessions.front().subscriptions.empty()) {
    // What else is wrong with the file is told first: it would be wrong with a symbol, too.
    const auto valid = validate(*settings);
    if (!valid && valid.error().field != "subscription") {
      return std::unexpected(valid.error().message());
    }
    return std::unexpected("nothing to subscribe to: give --symbol BTC/USD or --config FILE");
  }
  return settings;
}

// Nothing, or what is wrong with the options of the recording.
std::optional<std::string> add_recording(const RunOptions& options, RecordingSettings& recording) {
  if (options.record) {
    if (options.record->empty()) return "--record '': must be a file's name, as night.hvk";
    recording.path = *options.record;
  }
  recording.overwrite = recording.overwrite || options.record_overwrite;
  if (!options.record_max_size.empty()) {
    recording.max_size = replay::parse_size(options.record_max_size);
    if (!recording.max_size) {
      return "--record-max-size " + options.record_max_size + ": must be " +
             std::string(replay::size_expected);
    }
  }
  if (!options.record_max_age.empty()) {
    recording.max_age = replay::parse_duration(options.record_max_age);
    if (!recording.max_age) {
      return "--record-max-age " + options.record_max_age + ": must be " +
             std::string(replay::duration_expected);
    }
  }
  if (recording.path.empty() &&
      (recording.max_size || recording.max_age || options.record_overwrite)) {
    return "there are options for a recording but no file: give --record FILE";
  }
  return std::nullopt;
}

constexpr Complaint refuse_run{"run"};

// Prints what happens until it is over: the time is, a signal came, the reader went away, or the
// engine has closed by itself. A reader that does not read holds up nothing but its own events: the
// ring loses market events, and at the end we wait for it no longer than for the engine.
class EnginePrinter {
 public:
  EnginePrinter(EngineClient& client, OutputFormat format, std::span<const Settings> sessions,
                std::optional<Duration> limit)
      : client_(client), printer_(format, wants_colour()), close_time_(close_grace) {
    printer_.name_sessions(sessions);
    Duration longest;
    for (const Settings& each : sessions) {
      longest = std::max(longest, each.timeouts.close_timeout);
    }
    close_time_ += std::chrono::nanoseconds(longest.ns);
    if (limit) end_ = Clock::now() + std::chrono::nanoseconds(limit->ns);
  }

  void run(const StopSignal& stop);
  // In one line, if it has not been said; empty: nothing.
  [[nodiscard]] std::string what_is_wrong() const;
  [[nodiscard]] bool lost() const { return printer_.lost(); }

 private:
  // False: there is none, or the reader has to read first.
  bool print_events();
  void ask_to_close(bool is_over);

  EngineClient& client_;
  EventPrinter printer_;
  Clock::duration close_time_;
  Clock::time_point end_ = Clock::time_point::max();
  Clock::time_point give_up_ = Clock::time_point::max();
  bool counts_times_ = false;
  bool asked_ = false;  // to close
  std::string never_live_;
  std::optional<Reason> closed_for_;
};

bool EnginePrinter::print_events() {
  const auto events = client_.peek();
  if (!counts_times_ && !events.empty()) {
    counts_times_ = true;
    printer_.count_from(client_.counters().first_turn);  // as the recording's replay does
  }
  size_t taken = 0;
  while (taken < events.size() && !printer_.is_full()) {
    const Event& event = events[taken++];
    printer_.append(event, client_.names());
    if (event.kind == EventKind::closed) closed_for_ = event.payload.ended.reason;
  }
  client_.release(taken);
  printer_.write_for(std::chrono::milliseconds(0));
  return taken != 0;
}

void EnginePrinter::run(const StopSignal& stop) {
  for (;;) {
    const bool closed = client_.closed();  // before the last look: nothing comes after it
    const bool printed = print_events();
    if (closed && !printed && !printer_.waits()) return;
    const auto now = Clock::now();
    const bool is_over = now >= end_;
    if (!asked_ && (stop.requested() || printer_.gone() || is_over)) {
      ask_to_close(is_over && !stop.requested());
    }
    if (now >= give_up_) return printer_.give_up();
    if (printed) continue;
    if (printer_.waits()) {
      printer_.write_for(std::chrono::milliseconds(10));
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
}

void EnginePrinter::ask_to_close(bool is_over) {
  if (is_over) {
    if (const auto live = client_.wait_live(Duration{}); !live) {
      const NotLive& why = live.error();
      never_live_ = why.session ? "session " + std::to_string(*why.session) : "it";
      never_live_ += " was never live";
      if (!why.refused.empty() || why.place_free_in) {
        never_live_ = why.message();
      } else if (why.reason != Reason::none) {
        never_live_.append(": the last attempt ended by ").append(to_string(why.reason));
      }
    }
  }
  asked_ = client_.close_all() || client_.closed();
  give_up_ = Clock::now() + close_time_;
}

std::string EnginePrinter::what_is_wrong() const {
  if (!client_.closed()) return "the engine did not close in time";
  if (!asked_) {
    if (!closed_for_) return "the engine has closed: out of memory";
    return "the engine closed by itself: " + std::string(to_string(*closed_for_));
  }
  if (const auto recording = client_.recording(); !recording) return recording.error();
  return never_live_;
}

int run(const RunOptions& options) {
  auto settings = make_settings(options);
  if (!settings) return refuse_run(settings.error());
  if (const auto wrong = add_recording(options, settings->recording)) return refuse_run(*wrong);
  std::optional<Duration> limit;
  if (!options.duration.empty()) {
    limit = replay::parse_duration(options.duration);
    if (!limit || *limit <= Duration{}) {
      return refuse_run("--for " + options.duration + ": must be " +
                        std::string(replay::duration_expected));
    }
  }
  const StopSignal stop;  // before the client: its thread inherits what is blocked
  auto client = EngineClient::connect(*settings);
  if (!client) return refuse_run(client.error().message());

  if (const std::string& why = (*client)->network().refused; !why.empty()) {
    std::fprintf(stderr, "havklo run: plain sockets are the network: %s\n", why.c_str());
  }

  EnginePrinter printer(**client, options.format, settings->sessions, limit);
  printer.run(stop);
  if (options.counters) {
    std::fputs(counters_text((*client)->counters()).c_str(), stderr);
    for (size_t i = 0; i < (*client)->session_count(); ++i) {
      const auto session = static_cast<uint8_t>(i);
      std::fputs(counters_text(session, (*client)->counters(session)).c_str(), stderr);
    }
  }
  if (const std::string wrong = printer.what_is_wrong(); !wrong.empty()) {
    refuse_run(wrong);
    return exit_failed;
  }
  return printer.lost() ? exit_failed : exit_good;
}

}  // namespace

void add_run_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add_subcommand(
      "run",
      "Connect and print events until stopped.\n"
      "Example: havklo run --symbol BTC/USD --symbol ETH/USD --depth 10 --format jsonl");
  command->add_option("--config", options->config, "TOML file with settings; options here win");
  command->add_option("--url", options->url,
                      "wss://host[:port]/path; Kraken's public feed by default");
  command->add_option("--symbol", options->symbols, "a pair, as BTC/USD; may be repeated");
  command
      ->add_option("--channel", options->channels,
                   "book (default), trade, ticker, ohlc or instrument; may be repeated")
      ->check(CLI::IsMember(channel_names()));
  command->add_option("--depth", options->depth, "of books: 10 (default), 25, 100, 500, 1000");
  command->add_option("--interval", options->interval,
                      "of candles: 1m (default), 5m, 15m, 30m, 60m, 240m and so on");
  command->add_option("--ca-file", options->ca_file,
                      "PEM file, or folder of such, with the CAs to trust instead of the system's");
  command->add_option("--record", options->record,
                      "write a recording to this new file; night-%F-%H%M%S.hvk has the time (UTC)");
  command->add_flag("--record-overwrite", options->record_overwrite,
                    "replace the recording that the file holds, with its FILE.1, FILE.2 …");
  command->add_option("--record-max-size", options->record_max_size,
                      "go on in FILE.1, FILE.2 … when a file has this size, as 256MB");
  command->add_option("--record-max-age", options->record_max_age,
                      "the same when a file is this old, as 1h");
  command->add_option("--for", options->duration, "stop after this time, as 30s");
  command->add_flag("--no-reconnect", options->no_reconnect, "one connection; exit when it ends");
  command
      ->add_option("--idle", options->idle, "spin (default): lowest latency; park: sleep when idle")
      ->check(CLI::IsMember({"spin", "park"}));
  command
      ->add_option("--network", options->network,
                   "auto (default): io_uring, or sockets (recv and send) where it is refused")
      ->check(CLI::IsMember({"auto", "io_uring", "sockets"}));
  command->add_flag("--counters", options->counters,
                    "at the end, say on stderr where the time of messages and turns went");
  command->add_option("--cpu", options->cpu, "pin the engine's thread to this core");
  command->add_option("--seed", options->seed,
                      "of jitter and handshake keys; from the kernel by default");
  add_format_option(*command, options->format);
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace havklo
