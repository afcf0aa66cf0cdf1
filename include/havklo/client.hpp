// The front door: a client of Kraken's public feed that comes back by itself.
//
//   auto client = havklo::KrakenClient::builder({"BTC/USD"}).with_book(10).connect();
//   if (!client) { /* client.error().message() says which setting to change */ }
//   (*client)->wait_live(10_s);
//   havklo::Event event;
//   while ((*client)->poll(event)) { ... }
//
// Owns:    the engine, its thread, the ring between that thread and yours, the network below.
// Threads: one consumer. All calls but the constructor's come from the consumer's thread; names()
//          may be read there for every id that an event brought.
// Errors:  bad settings are refused by connect(), naming field, value and allowed range, and so is
//          what the machine lacks; neither throws. After that, whatever happens to the connection
//          is an event, never an exception.
// Cost:    poll() is a load and a copy of 64 bytes. The engine's thread spins on one core unless
//          Idle::park is chosen.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/latency.hpp>
#include <havklo/names.hpp>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace havklo {

// Why a client could not start: a setting, or what the machine refused (memory, a thread, a
// descriptor, the CA file, the core to pin to). Nothing is left behind but, perhaps, the file of a
// recording.
struct StartError {
  std::optional<ConfigError> config;
  std::string what;  // when it is not a setting
  [[nodiscard]] std::string message() const { return config ? config->message() : what; }
};

// Why there is no all clear: the engine gave up (`closed`), it waits for room in the ring, which
// nobody reads while you wait (`ring_full`), the venue will not have anything of what is wanted
// (`refused` names it; the Rejected events have its words), or `timeout` passed; `reason` is of the
// last loss.
struct NotLive {
  bool closed = false;
  bool ring_full = false;
  Reason reason = Reason::none;
  std::vector<std::string> refused;  // "book BTC/USDD"
  [[nodiscard]] std::string message() const;
};

// Why a command was not taken.
enum class CommandError : uint8_t {
  queue_full,              // the engine has not come to the last ones yet: try again
  symbol_invalid,          // not of the form "BTC/USD"
  depth_invalid,           // not 10, 25, 100, 500 or 1000
  interval_invalid,        // not 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 minutes
  too_many_subscriptions,  // the ring cannot hold what they could publish: with_ring_slots()
  too_many_symbols,        // symbols_max different ones were named in this client's life
  closed,                  // the client is closed
};
[[nodiscard]] std::string_view to_string(CommandError error);

class KrakenClientBuilder;

// What both forms of client offer.
class ClientCommands {
 public:
  // `parameter`: the depth of a book (10), the interval of candles in minutes (1).
  std::expected<void, CommandError> subscribe(Channel channel, std::string_view symbol,
                                              std::optional<uint32_t> parameter = std::nullopt);
  std::expected<void, CommandError> unsubscribe(Channel channel, std::string_view symbol);
  // Drops a live connection and comes back; while waiting, skips what is left of a backoff. The
  // breaker, the connect budget and what the venue asked for (maintenance, Retry-After) still hold.
  std::expected<void, CommandError> reconnect();
  // Says goodbye to the venue; Closed follows within close_timeout.
  std::expected<void, CommandError> close();

 protected:
  explicit ClientCommands(const Settings& settings);
  ~ClientCommands() = default;
  // What was asked for and not given back: "book BTC/USD".
  [[nodiscard]] std::vector<std::string> wanted() const;

 private:
  virtual std::expected<void, CommandError> send(const Command& command) = 0;

  uint32_t ring_slots_;
  uint32_t depth_max_ = 0;
  std::set<std::pair<Channel, std::string>> wanted_;
  std::set<std::string, std::less<>> named_;  // ever: the engine's table of names only grows
};

// An engine on a thread of its own, events by a ring.
class KrakenClient final : public ClientCommands {
 public:
  [[nodiscard]] static KrakenClientBuilder builder(std::vector<std::string> symbols);
  // From whole settings, as a configuration file gives them.
  [[nodiscard]] static std::expected<std::unique_ptr<KrakenClient>, StartError> connect(
      const Settings& settings);

  // Closes, waits for the engine's thread (at most close_timeout and a little) and frees
  // everything.
  ~KrakenClient();
  KrakenClient(const KrakenClient&) = delete;
  KrakenClient& operator=(const KrakenClient&) = delete;

  // The next event, if there is one.
  [[nodiscard]] bool poll(Event& event);
  // The events that lie ready, in place; release() gives their slots back.
  [[nodiscard]] std::span<const Event> peek();
  void release(size_t count);

  // Waits for the first all clear with at least one subscription settled, or says why there is
  // none; a refusal that may pass is waited for. Takes no event out of the ring, which must hold
  // all first snapshots for that: two events a level of depth and book, and some more.
  [[nodiscard]] std::expected<void, NotLive> wait_live(Duration timeout);
  // Closed has been published.
  [[nodiscard]] bool closed() const;
  // Once closed: whether everything is in the recording, or one line that says why not.
  [[nodiscard]] std::expected<void, std::string> recording() const;
  [[nodiscard]] const Names& names() const;
  // What it runs on, and why on nothing faster.
  [[nodiscard]] const NetworkChoice& network() const;
  // Latencies inside the engine, as of now: some microseconds here, nothing for the engine.
  [[nodiscard]] ClientCounters counters() const;

 private:
  struct State;
  KrakenClient(const Settings& settings, std::unique_ptr<State> state);
  std::expected<void, CommandError> send(const Command& command) override;
  std::unique_ptr<State> state_;
};

// The same engine on your thread, which also destroys it: nothing happens but inside run_once(). It
// never sleeps but in the turn of Closed, which lets the network (50 ms at most) and a recording's
// disk have what is theirs.
class InlineKrakenClient final : public ClientCommands {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<InlineKrakenClient>, StartError> connect(
      const Settings& settings);
  ~InlineKrakenClient();
  InlineKrakenClient(const InlineKrakenClient&) = delete;
  InlineKrakenClient& operator=(const InlineKrakenClient&) = delete;

  // One turn; every event of it is handed to `sink(const Event&)`. Returns how many.
  template <class Sink>
  uint32_t run_once(Sink&& sink) {
    const std::span<const Event> events = turn();
    for (const Event& event : events) sink(event);
    return static_cast<uint32_t>(events.size());
  }

  [[nodiscard]] bool closed() const;
  // Once closed: whether everything is in the recording, or one line that says why not.
  [[nodiscard]] std::expected<void, std::string> recording() const;
  [[nodiscard]] const Names& names() const;
  // What it runs on, and why on nothing faster.
  [[nodiscard]] const NetworkChoice& network() const;
  // Latencies inside the engine, as of now: some microseconds here, nothing for the engine.
  [[nodiscard]] ClientCounters counters() const;

 private:
  struct State;
  InlineKrakenClient(const Settings& settings, std::unique_ptr<State> state);
  // Runs a turn: its events.
  std::span<const Event> turn();
  std::expected<void, CommandError> send(const Command& command) override;
  std::unique_ptr<State> state_;
};

// Settings, one call each. Nothing is checked before connect().
class KrakenClientBuilder {
 public:
  explicit KrakenClientBuilder(std::vector<std::string> symbols);

  // Channels for all symbols of the builder; at least one.
  KrakenClientBuilder& with_book(uint32_t depth = 10);
  KrakenClientBuilder& with_trades();
  KrakenClientBuilder& with_ticker();
  KrakenClientBuilder& with_candles(uint32_t interval_minutes = 1);
  KrakenClientBuilder& with_instruments();

  KrakenClientBuilder& with_reconnect(const ReconnectSettings& settings);
  KrakenClientBuilder& without_reconnect();
  KrakenClientBuilder& with_circuit_breaker(const CircuitBreakerSettings& settings);
  KrakenClientBuilder& without_circuit_breaker();
  KrakenClientBuilder& with_timeouts(const TimeoutSettings& settings);
  KrakenClientBuilder& with_requests(const RequestSettings& settings);

  KrakenClientBuilder& with_url(std::string url);
  KrakenClientBuilder& with_ca_file(std::string path);
  KrakenClientBuilder& with_ring_slots(uint32_t slots);
  KrakenClientBuilder& with_idle(Idle idle);
  KrakenClientBuilder& with_network(Network network);
  KrakenClientBuilder& pinned_to(uint32_t cpu);
  KrakenClientBuilder& with_seed(uint64_t seed);
  // Writes a recording (recording.hpp), for `havklo replay`.
  KrakenClientBuilder& with_recording(std::string path);
  KrakenClientBuilder& with_recording(RecordingSettings settings);

  [[nodiscard]] const Settings& settings() const { return settings_; }

  [[nodiscard]] std::expected<std::unique_ptr<KrakenClient>, StartError> connect();
  [[nodiscard]] std::expected<std::unique_ptr<InlineKrakenClient>, StartError> connect_inline();

 private:
  void add(SubscriptionSettings subscription);

  std::vector<std::string> symbols_;
  Settings settings_;
};

}  // namespace havklo
