// The settings of a client, their defaults, and what is allowed.
//
// validate() refuses what cannot work, naming field, value and allowed range; nothing is repaired
// quietly. Names are those of the configuration file.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/backoff.hpp>
#include <havklo/circuit_breaker.hpp>
#include <havklo/clock.hpp>
#include <havklo/connect_budget.hpp>
#include <havklo/event.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo {

inline constexpr std::string_view kraken_public_url = "wss://ws.kraken.com/v2";

// Flat, in the order of the design's table, so that a caller names only what differs:
// `{.initial_delay = 50_ms, .max_attempts = 10}`.
struct ReconnectSettings {
  Duration initial_delay = BackoffSettings{}.initial_delay;
  double multiplier = BackoffSettings{}.multiplier;
  Duration max_delay = BackoffSettings{}.max_delay;
  std::optional<Duration> first_delay;   // before attempt 1 after a connection that was Live; exact
  std::optional<uint32_t> max_attempts;  // none: unlimited
  Jitter jitter = BackoffSettings{}.jitter;
  Duration stable_after = Duration::seconds(5);
  uint32_t connect_budget = ConnectBudgetSettings{}.attempts;
  Duration connect_budget_window = ConnectBudgetSettings{}.window;
  Duration maintenance_delay = Duration::seconds(5);
  Duration rate_limited_delay = Duration::seconds(60);
  bool enabled = true;
  // Shares the budget with other processes, and over restarts (engine/io/budget/budget_file.hpp).
  std::optional<std::string> budget_file;

  [[nodiscard]] BackoffSettings backoff() const {
    return {initial_delay, multiplier, max_delay, jitter};
  }
  [[nodiscard]] ConnectBudgetSettings budget() const {
    return {connect_budget, connect_budget_window};
  }
};

struct TimeoutSettings {
  Duration connect_timeout = Duration::seconds(10);
  Duration greeting_timeout = Duration::seconds(5);
  Duration restore_timeout = Duration::seconds(10);
  Duration heartbeat_timeout = Duration::seconds(5);
  Duration close_timeout = Duration::seconds(1);
};

struct RequestSettings {
  uint32_t per_second = 10;
  uint32_t burst = 5;
};

// What is said of the feed beside what it brings.
struct FeedSettings {
  // Trades are asked for with the last that there were: each id is delivered once, what a
  // connection missed is filled from there, and TradeGap names what nobody delivered.
  bool trade_gaps = true;
  // FeedLag tells when updates of a book or trades come so much later than the venue's time on
  // them, and, at half of it, when no longer: a reader that the venue queues for is late with every
  // checksum right. Compares this machine's UTC with the venue's. None: nothing is compared.
  std::optional<Duration> lag_warn;
};

struct SubscriptionSettings {
  Channel channel = Channel::book;
  std::vector<std::string> symbols;
  uint32_t depth = 10;            // book only: levels a side
  uint32_t interval_minutes = 1;  // ohlc only
};

// One of the connections of a session. What it does not say is the session's.
struct LegSettings {
  std::optional<std::string> url;
  std::optional<std::string> source_address;
  friend bool operator==(const LegSettings&, const LegSettings&) = default;
};

// A session is recorded when there is a path (recording.hpp).
struct RecordingSettings {
  std::string path;                  // "": not recorded; may be a pattern of the time
  std::optional<uint64_t> max_size;  // bytes; then the next file of the recording begins
  std::optional<Duration> max_age;   // … the same, by time
  bool overwrite = false;            // an earlier recording at the path is replaced
  friend bool operator==(const RecordingSettings&, const RecordingSettings&) = default;
};

enum class Idle : uint8_t { spin, park };

// The way to the kernel's network: io_uring, or connect, recv and send, which user-space stacks can
// replace; automatic ("auto" in a file): io_uring where the system lets us (containers often do
// not), else sockets. The README says when to choose which.
enum class Network : uint8_t { io_uring, sockets, automatic };

// What a client runs on: never `automatic`.
struct NetworkChoice {
  Network taken = Network::io_uring;
  std::string refused;  // why io_uring was not, in one line; empty: it was, or was not asked for
};

// What belongs to an engine's loop, whatever sessions run on it.
struct LoopSettings {
  RecordingSettings recording;
  uint32_t ring_slots = 65'536;  // a power of two
  Idle idle = Idle::spin;
  Network network = Network::automatic;
  std::optional<uint32_t> cpu;   // pin the engine's thread
  std::optional<uint64_t> seed;  // none: from the kernel
  friend bool operator==(const LoopSettings&, const LoopSettings&) = default;
};

// One session, and the loop that it has for itself.
struct Settings : LoopSettings {
  std::string url{kraken_public_url};
  ReconnectSettings reconnect;
  CircuitBreakerSettings circuit_breaker;
  TimeoutSettings timeouts;
  RequestSettings requests;
  FeedSettings feed;
  std::vector<SubscriptionSettings> subscriptions;
  std::optional<std::string> ca_file;         // none: the system's CA store
  std::optional<std::string> source_address;  // of connections: "192.0.2.1"; none: the kernel's
  // Connections that bring the same at the same time, 1 to 4: the first copy of everything is
  // published, and what one of them loses costs nothing while another is Live.
  std::vector<LegSettings> legs = std::vector<LegSettings>(1);
  Duration leg_lag_max = Duration::milliseconds(250);  // behind the others for so long: it is lost
  std::optional<Duration> rotate_after;  // each leg is renewed, one at a time; none: never
};

// Where a leg connects to, and from.
[[nodiscard]] const std::string& url_of(const Settings& session, uint32_t leg);
[[nodiscard]] const std::optional<std::string>& source_address_of(const Settings& session,
                                                                  uint32_t leg);

// Several sessions, 1 to 64, on one loop, one ring, one recording, one table of names. What belongs
// to the loop is said here; in a session it is as if nobody had said it.
struct EngineSettings : LoopSettings {
  EngineSettings() = default;
  // One session alone.
  explicit EngineSettings(const Settings& session) : LoopSettings(session), sessions{session} {
    static_cast<LoopSettings&>(sessions.front()) = {};
  }
  std::vector<Settings> sessions;  // Event::session is their place here
};

struct ConfigError {
  std::string field;    // "reconnect.multiplier"
  std::string value;    // "0.5"
  std::string allowed;  // "a number of at least 1"
  // One line: `reconnect.multiplier = 0.5: must be a number of at least 1`
  [[nodiscard]] std::string message() const;
};

// A configuration file's text as settings: the keys are the names above, the author's guide shows
// all of them. Opens nothing: `source` stands in errors, as "engine.toml:3: …", one line with the
// place and what to change; an unknown key names the nearest known one. What the text does not say
// stays as `base` has it, its subscriptions come behind those of `base`.
// It answers for the shape alone, so that more can be set before validate(), which connect() calls.
[[nodiscard]] std::expected<Settings, std::string> settings_from_toml(std::string_view text,
                                                                      std::string_view source,
                                                                      const Settings& base = {});
// … of one session, or of several, each a [[session]]; what stands beside them holds for each that
// does not say otherwise, and [engine] and [recording] are the loop's.
[[nodiscard]] std::expected<EngineSettings, std::string> engine_settings_from_toml(
    std::string_view text, std::string_view source);

[[nodiscard]] std::expected<void, ConfigError> validate(const Settings& settings);
// Of all sessions of one engine: each is valid, together they name no more symbols than it can
// (limits.hpp), and of those that share a connect budget (shared_connect_budget.hpp) all name the
// numbers of the first, or none: the defaults.
[[nodiscard]] std::expected<void, ConfigError> validate(std::span<const Settings> sessions);
// Of an engine: a session's field is "session[1].timeouts.connect_timeout". What belongs to the
// loop is refused in a session, unless the engine says the same.
[[nodiscard]] std::expected<void, ConfigError> validate(const EngineSettings& settings);

// The sessions of an engine as a recording keeps them: each with the loop that they share. The ring
// is the first one's; the others have as many slots as they would need alone.
[[nodiscard]] std::vector<Settings> sessions_with_loop(const EngineSettings& settings);

// Slots that the ring must have for these subscriptions, so that one message of the deepest book
// and all lifecycle events of an attempt fit.
[[nodiscard]] uint32_t ring_slots_min(const Settings& settings);
// … and those of several sessions, the deepest book once.
[[nodiscard]] uint32_t ring_slots_min(std::span<const Settings> sessions);

// What that is the sum of: a session's connections, each of its subscriptions, the deepest book.
[[nodiscard]] uint64_t ring_slots_of_connections(uint32_t legs);
[[nodiscard]] uint64_t ring_slots_of_subscription(uint32_t legs);
[[nodiscard]] uint64_t ring_slots_of_book(uint32_t depth);

// How many subscriptions a ring of `ring_slots` carries for all sessions, of one leg each, when the
// deepest book has `depth`.
[[nodiscard]] uint32_t subscriptions_max(uint32_t ring_slots, uint32_t depth,
                                         uint32_t sessions = 1);

// BASE/QUOTE in printable characters, at most symbol_bytes_max of them.
[[nodiscard]] bool is_valid_symbol(std::string_view symbol);
// An IPv4 or IPv6 address as it is usually written; nothing if the text is none.
[[nodiscard]] std::optional<std::string> usual_address(std::string_view text);
// What a request of the channel asks for beside the symbol: depth, interval_minutes or 0.
[[nodiscard]] uint32_t parameter_of(const SubscriptionSettings& subscription);

struct Url {
  bool tls = true;
  std::string host;
  uint16_t port = 443;
  std::string path;
  [[nodiscard]] bool is_default_port() const { return port == (tls ? 443 : 80); }
};
[[nodiscard]] std::expected<Url, ConfigError> parse_url(std::string_view text);

}  // namespace havklo
