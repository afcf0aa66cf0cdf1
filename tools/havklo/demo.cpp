// havklo demo: a venue, an engine, two outages, a recording and its replay, on loopback over TLS.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <havklo/client.hpp>
#include <memory>
#include <string>
#include <vector>

#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/event_printer.hpp"
#include "havklo/exchange_server.hpp"
#include "havklo/scratch_folder.hpp"
#include "havklo/stop_signal.hpp"
#include "havklo/text_file.hpp"
#include "replay/playback/player.hpp"
#include "replay/text/counted.hpp"
#include "replay/world/scenario.hpp"

namespace havklo {
namespace {

using namespace havklo::literals;

// How long the feed runs before, between and after the outages.
constexpr Duration calm = 1500_ms;
// Refused so long: the first attempt (after 100 ms) fails, the second (300 ms) does not.
constexpr Duration short_outage = 180_ms;
// Three attempts fail within 700 ms, the breaker opens for 1.5 s, its first probe fails as well.
constexpr Duration long_outage = 3_s;
// All of it takes some 9 s; a machine that needs more than this has failed.
constexpr std::chrono::seconds give_up_after{18};

constexpr std::array<std::string_view, 3> symbols = {"BTC/USD", "ETH/USD", "SOL/USD"};

Settings demo_settings(uint16_t port, const std::string& ca_file) {
  Settings settings;
  settings.url = fmt::format("wss://localhost:{}/v2", port);
  settings.ca_file = ca_file;
  settings.reconnect.stable_after = 1_s;
  settings.circuit_breaker = {.failure_threshold = 3, .reset_timeout = 1500_ms};
  settings.idle = Idle::park;
  settings.subscriptions.push_back(
      {.channel = Channel::book, .symbols = {symbols.begin(), symbols.end()}, .depth = 10});
  return settings;
}

// What must have happened, in this order.
std::vector<EventKind> expected_story() {
  using enum EventKind;
  const std::vector<EventKind> up = {connected, subscribed, subscribed, subscribed,
                                     subscriptions_restored};
  std::vector<EventKind> story = up;
  const auto then = [&story](const std::vector<EventKind>& more) {
    story.insert(story.end(), more.begin(), more.end());
  };
  then({disconnected, reconnecting, connect_failed, reconnecting});
  then(up);
  then({disconnected, reconnecting, connect_failed, reconnecting, connect_failed, reconnecting,
        connect_failed, circuit_breaker_open, reconnecting, circuit_breaker_half_open,
        connect_failed, circuit_breaker_open, reconnecting, circuit_breaker_half_open});
  then(up);
  then({circuit_breaker_closed, disconnected, closed});
  return story;
}

constexpr Complaint refuse_demo{"demo", exit_failed};

class Demo {
 public:
  Demo(ScratchFolder folder, bool colour)
      : colour_(colour), text_(colour), folder_(std::move(folder)) {}

  int run();

 private:
  [[nodiscard]] std::expected<void, std::string> set_up();
  void play();
  void follow(const Event& event);
  void break_venue(Duration refused);
  [[nodiscard]] bool told_as_expected() const;
  [[nodiscard]] std::string why_not_told() const;
  [[nodiscard]] bool verify() const;
  void title(const std::string& text) const {
    fmt::print("\n{}\n", colour_ ? fmt::format("\x1b[1m{}\x1b[0m", text) : text);
    std::fflush(stdout);
  }

  bool colour_;
  replay::EventText text_;
  StopSignal stop_;
  ScratchFolder folder_;
  std::unique_ptr<ExchangeServer> server_;
  std::unique_ptr<KrakenClient> client_;
  std::vector<EventKind> story_;
  uint64_t book_messages_ = 0;
  uint32_t all_clears_ = 0;
  Instant calm_until_ = Instant::never();  // by the server's clock
};

int Demo::run() {
  if (auto ready = set_up(); !ready) return refuse_demo(ready.error());
  title(fmt::format("A model of Kraken listens on wss://localhost:{}/v2; the engine connects.",
                    server_->port()));
  play();
  std::expected<void, std::string> recording;
  if (client_->closed()) recording = client_->recording();
  client_.reset();  // the recording is closed
  fmt::print("\n{} book messages were verified by the venue's checksum.\n", book_messages_);
  if (!recording) return refuse_demo(recording.error());  // it stands among the events, too
  if (!told_as_expected()) return refuse_demo(why_not_told());
  title("The session was recorded; the recording runs through the same engine.");
  return verify() ? exit_good : exit_failed;
}

std::expected<void, std::string> Demo::set_up() {
  const auto authority = io::CertificateAuthority::make();
  if (!authority) return std::unexpected(authority.error());
  auto identity = authority->issue();
  if (!identity) return std::unexpected(identity.error());
  const std::string ca_file = folder_.file("ca.pem");
  if (auto written = write_text_file(ca_file, authority->certificate_pem()); !written) {
    return written;
  }
  auto server = ExchangeServer::create({.identity = std::move(*identity)},
                                       replay::make_venue(replay::Scenario{}));
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  Settings settings = demo_settings(server_->port(), ca_file);
  settings.recording.path = folder_.file("session.hvk");
  auto client = KrakenClient::connect(settings);
  if (!client) return std::unexpected(client.error().message());
  client_ = std::move(*client);
  return {};
}

// Venue and consumer take turns on this thread; the engine has its own.
void Demo::play() {
  const auto until = std::chrono::steady_clock::now() + give_up_after;
  bool closed = false;
  while (!closed && !stop_.requested() && std::chrono::steady_clock::now() < until) {
    server_->step(1_ms);
    closed = client_->closed();
    for (auto events = client_->peek(); !events.empty(); events = client_->peek()) {
      for (const Event& event : events) follow(event);
      client_->release(events.size());
    }
    if (server_->venue().now() < calm_until_) continue;
    calm_until_ = Instant::never();
    if (all_clears_ == 1) break_venue(short_outage);
    if (all_clears_ == 2) break_venue(long_outage);
    if (all_clears_ == 3) static_cast<void>(client_->close());
  }
}

void Demo::follow(const Event& event) {
  if (event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update) {
    book_messages_ += event.last_in_message() ? 1 : 0;
  }
  if (is_market(event.kind)) return;
  if (story_.empty()) text_.count_from(client_->counters().first_turn);
  story_.push_back(event.kind);
  std::string line;
  text_.append(line, event, client_->names());
  fmt::print("{}\n", line);
  std::fflush(stdout);
  if (event.kind != EventKind::subscriptions_restored) return;
  ++all_clears_;
  calm_until_ = server_->venue().now() + calm;
}

// Every connection is reset, and nobody listens for a while.
void Demo::break_venue(Duration refused) {
  const bool is_short = refused == short_outage;
  title(is_short ? "A short outage: the connection is reset, the next attempt refused."
                 : "A long outage: the venue is gone for three seconds.");
  const Duration at = server_->venue().now() - Instant{};
  server_->venue().add_fault({.kind = replay::FaultKind::refuse, .at = at, .lasting = refused});
  server_->venue().add_fault({.kind = replay::FaultKind::reset, .at = at});
}

bool Demo::told_as_expected() const { return story_ == expected_story(); }

std::string Demo::why_not_told() const {
  if (stop_.requested()) {
    return fmt::format("stopped by SIG{} before its end", ::sigabbrev_np(stop_.signal()));
  }
  const auto expected = expected_story();
  const bool as_far_as_it_went =
      story_.size() < expected.size() && std::equal(story_.begin(), story_.end(), expected.begin());
  if (!as_far_as_it_went) return "the events did not come in the expected order";
  return fmt::format("it did not come to its end within {} s", give_up_after.count());
}

bool Demo::verify() const {
  auto reader = replay::Reader::open(folder_.file("session.hvk"));
  if (!reader) {
    std::fprintf(stderr, "havklo demo: %s\n", reader.error().c_str());
    return false;
  }
  replay::Player player(std::move(*reader));
  const auto began = std::chrono::steady_clock::now();
  const replay::PlayResult result = player.run();
  const auto took = std::chrono::steady_clock::now() - began;
  if (!result.identical() || !result.torn.empty()) {
    std::fprintf(stderr, "havklo demo: the replay differs at turn %llu\n",
                 static_cast<unsigned long long>(result.turns));
    return false;
  }
  fmt::print("replayed {}, {}: identical ({})\n", replay::counted(result.turns, "turn"),
             replay::counted(result.events, "event"),
             replay::readable({std::chrono::nanoseconds(took).count()}));
  return true;
}

}  // namespace

void add_demo_command(CLI::App& program, int& exit_code) {
  CLI::App* command = program.add_subcommand(
      "demo",
      "Two outages on loopback over TLS, recorded and replayed; under 20 s.\n"
      "Example: havklo demo");
  command->callback([&exit_code] {
    auto folder = ScratchFolder::make();
    exit_code =
        folder ? Demo(std::move(*folder), wants_colour()).run() : refuse_demo(folder.error());
  });
}

}  // namespace havklo
