// havklo exchange: the venue model on a real socket.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "havklo/commands.hpp"
#include "havklo/complaint.hpp"
#include "havklo/exchange_server.hpp"
#include "havklo/output_format.hpp"
#include "havklo/scratch_folder.hpp"
#include "havklo/stop_signal.hpp"
#include "havklo/text_file.hpp"
#include "replay/venue/capture.hpp"
#include "replay/world/scenario.hpp"

namespace havklo {
namespace {

struct ExchangeOptions {
  std::string listen = "127.0.0.1:0";
  std::string tls_cert;
  std::string tls_key;
  bool no_tls = false;
  std::string scenario;
  std::string capture;
  uint32_t capture_rate = 0;
  std::vector<std::string> symbols;
  std::optional<double> rate;
  std::optional<uint64_t> seed;
  OutputFormat format = OutputFormat::text;
  bool quiet = false;
};

// Says what happens, a line each.
class Log final : public replay::VenueObserver {
 public:
  explicit Log(OutputFormat format) : format_(format) {}
  void on_note(Instant now, uint32_t connection, std::string_view what,
               std::string_view detail) override {
    fmt::print("{}", note_line(format_, now, connection, what, detail));
    std::fflush(stdout);
  }

 private:
  OutputFormat format_;
};

std::expected<replay::Scenario, std::string> read_scenario(const ExchangeOptions& options) {
  replay::Scenario scenario;
  if (!options.scenario.empty()) {
    const auto text = read_text_file(options.scenario);
    if (!text) return std::unexpected(text.error());
    auto parsed = replay::parse_scenario(*text, options.scenario, replay::ScenarioUse::exchange);
    if (!parsed) return parsed;
    scenario = std::move(*parsed);
  }
  if (options.seed) scenario.venue.seed = *options.seed;
  if (options.rate) scenario.market.moves_per_1000_s = static_cast<uint64_t>(*options.rate * 1000);
  if (!options.symbols.empty()) {
    scenario.market.symbols.clear();
    for (const std::string& name : options.symbols) {
      scenario.market.symbols.push_back(replay::market_symbol(name));
    }
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  scenario.venue.utc_us = std::chrono::duration_cast<std::chrono::microseconds>(wall).count();
  return scenario;
}

// Days of a busy pair.
constexpr size_t capture_bytes_max = 1024 * 1024 * 1024;

std::expected<std::unique_ptr<replay::Venue>, std::string> make_exchange(
    const ExchangeOptions& options) {
  auto scenario = read_scenario(options);
  if (!scenario) return std::unexpected(scenario.error());
  if (options.capture.empty()) return replay::make_venue(*scenario);
  const auto text = read_text_file(options.capture, capture_bytes_max);
  if (!text) return std::unexpected(text.error());
  auto feed = replay::CaptureFeed::parse(*text, options.capture_rate);
  if (!feed) return std::unexpected(options.capture + ": " + feed.error());
  return std::make_unique<replay::Venue>(
      scenario->venue, std::make_unique<replay::CaptureFeed>(std::move(*feed)), scenario->faults);
}

std::string ca_path(const ScratchFolder& folder) { return folder.file("ca.pem"); }

// The certificate given, or a throw-away one whose CA is written to a folder of its own.
std::expected<std::optional<ScratchFolder>, std::string> set_up_tls(const ExchangeOptions& options,
                                                                    ExchangeServerOptions& server) {
  auto authority = io::CertificateAuthority::make();
  if (!authority) return std::unexpected(authority.error());
  const auto expired = authority->issue({}, {.from_s = -2 * 86'400, .until_s = -86'400});
  const auto wrong = authority->issue({.hosts = {"elsewhere.invalid"}, .addresses = {}});
  if (!expired) return std::unexpected(expired.error());
  if (!wrong) return std::unexpected(wrong.error());
  server.expired = *expired;
  server.wrong_name = *wrong;
  if (!options.tls_cert.empty()) {
    auto certificate = read_text_file(options.tls_cert);
    if (!certificate) return std::unexpected(certificate.error());
    auto key = read_text_file(options.tls_key);
    if (!key) return std::unexpected(key.error());
    server.identity = {std::move(*certificate), std::move(*key)};
    return std::nullopt;
  }
  const auto identity = authority->issue();
  if (!identity) return std::unexpected(identity.error());
  server.identity = *identity;
  auto folder = ScratchFolder::make();
  if (!folder) return std::unexpected(folder.error());
  const auto written = write_text_file(ca_path(*folder), authority->certificate_pem());
  if (!written) return std::unexpected(written.error());
  return std::move(*folder);
}

bool parse_listen(const std::string& text, ExchangeServerOptions& server) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  server.address = text.substr(0, colon);
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, server.port);
  return error == std::errc{} && rest == end && begin != end;
}

// Where we are found. What cannot be told is thrown: nobody would find us.
void announce(const ExchangeOptions& options, const std::string& url, const std::string& ca_file) {
  std::string text;
  if (options.format == OutputFormat::jsonl) {
    text = note_line(OutputFormat::jsonl, {}, 0, "listening", url);
    if (!ca_file.empty()) text += note_line(OutputFormat::jsonl, {}, 0, "ca_file", ca_file);
  } else {
    text = "listening on " + url + "\n";
    if (!ca_file.empty()) text += "ca file: " + ca_file + "\n";
  }
  std::fputs(text.c_str(), stdout);
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category());
}

constexpr Complaint refuse_exchange{"exchange"};

int exchange(const ExchangeOptions& options) {
  ExchangeServerOptions server_options;
  if (!parse_listen(options.listen, server_options)) {
    return refuse_exchange("--listen " + options.listen +
                           ": must be ADDRESS:PORT, as 127.0.0.1:8443");
  }
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return refuse_exchange("--tls-cert and --tls-key belong together: give both or none");
  }
  for (const std::string& symbol : options.symbols) {
    if (std::ranges::count(options.symbols, symbol) > 1) {
      return refuse_exchange("--symbol: the same symbol twice: " + symbol);
    }
    if (!is_valid_symbol(symbol)) {
      return refuse_exchange("--symbol " + symbol + ": must be BASE/QUOTE, as BTC/USD");
    }
  }
  if (options.rate && !(*options.rate >= 0 && *options.rate <= 1e6)) {
    return refuse_exchange("--rate must be from 0 to 1000000");
  }
  auto venue = make_exchange(options);
  if (!venue) return refuse_exchange(venue.error());
  server_options.tls = !options.no_tls;
  std::optional<ScratchFolder> folder;
  if (server_options.tls) {
    auto made = set_up_tls(options, server_options);
    if (!made) return refuse_exchange(made.error());
    folder = std::move(*made);
  }
  Log log(options.format);
  const StopSignal stop;
  auto server = ExchangeServer::create(server_options, std::move(*venue));
  if (!server) return refuse_exchange(server.error());
  if (!options.quiet) (*server)->venue().observe(&log);
  const std::string url = fmt::format("{}://{}:{}/v2", server_options.tls ? "wss" : "ws",
                                      server_options.address, (*server)->port());
  announce(options, url, folder ? ca_path(*folder) : "");
  while (!stop.requested()) (*server)->step(Duration::milliseconds(20));
  return exit_good;
}

}  // namespace

void add_exchange_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ExchangeOptions>();
  CLI::App* command =
      program.add_subcommand("exchange",
                             "Serve a model of Kraken's feed, with faults on demand.\n"
                             "Example: havklo exchange --listen 127.0.0.1:8443 --scenario "
                             "replay/world/scenarios/flapping.toml");
  command->add_option("--listen", options->listen, "ADDRESS:PORT; port 0 (default): any, printed");
  command->add_option("--tls-cert", options->tls_cert,
                      "PEM certificate; a throw-away one by default");
  command->add_option("--tls-key", options->tls_key, "its PEM key");
  command->add_flag("--no-tls", options->no_tls, "plain ws://");
  command->add_option("--scenario", options->scenario,
                      "TOML file: market, faults (replay/world/scenario.hpp)");
  command->add_option("--capture", options->capture,
                      "play this capture (JSON lines) instead of a market");
  command->add_option("--capture-rate", options->capture_rate,
                      "frames per second; 0 (default): at their own times");
  command->add_option("--symbol", options->symbols, "serve this pair; may be repeated");
  command->add_option("--rate", options->rate, "book changes per second and pair (20)");
  command->add_option("--seed", options->seed, "of the market and the connection ids (1)");
  add_format_option(*command, options->format, "of the log: ");
  command->add_flag("--quiet", options->quiet, "no log");
  command->callback([options, &exit_code] { exit_code = exchange(*options); });
}

}  // namespace havklo
