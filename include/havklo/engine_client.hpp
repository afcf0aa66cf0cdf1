// A running engine on a real machine: its doors are the kernel's clock, network and disk.
//
//   auto engine = havklo::Engine::builder()
//                     .add(KrakenClient::builder({"BTC/USD"}).with_book(10))
//                     .add(KrakenClient::builder({"ETH/USD"}).with_trades())
//                     .pinned_to(3)
//                     .connect();
//
// The builder, and the client of one session alone, are in client.hpp.
// Owns:    the engine, its thread, the ring between that thread and yours, the network below.
// Threads: one consumer. All calls but the constructor's come from the consumer's thread; names()
//          may be read there for every id that an event brought.
// Errors:  bad settings are refused by connect(), naming field, value and allowed range, and so is
//          what the machine lacks; neither throws. After that, whatever happens to a connection is
//          an event, never an exception.
// Cost:    poll() is a load and a copy of 64 bytes. The engine's thread spins on one core unless
//          Idle::park is chosen.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/latency.hpp>
#include <havklo/names.hpp>
#include <havklo/session_counters.hpp>
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
// (`refused` names it; the Rejected events have its words), or `timeout` passed, perhaps while it
// waits for a place in the connect budget (`place_free_in`: for so much longer, by what is known
// now); `reason` is of the last loss. Of several sessions, that of the first which is not live.
struct NotLive {
  bool closed = false;
  bool ring_full = false;
  Reason reason = Reason::none;
  std::vector<std::string> refused;     // "book BTC/USDD"
  std::optional<uint8_t> session = {};  // when there are several
  std::optional<Duration> place_free_in = {};
  [[nodiscard]] std::string message() const;
};

// Why a command was not taken.
enum class CommandError : uint8_t {
  queue_full,              // the engine has not come to the last ones yet: try again
  symbol_invalid,          // not of the form "BTC/USD"
  depth_invalid,           // not 10, 25, 100, 500 or 1000
  interval_invalid,        // not 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 minutes
  too_many_subscriptions,  // the ring cannot hold what they could publish: with_ring_slots()
  too_many_symbols,        // symbols_max different ones were named in this engine's life
  closed,                  // the session is closed
};
[[nodiscard]] std::string_view to_string(CommandError error);

class EngineSessions;

// What a session can be told.
class SessionCommands {
 public:
  SessionCommands(EngineSessions& engine, uint8_t session, const Settings& settings);

  // `parameter`: the depth of a book (10), the interval of candles in minutes (1).
  std::expected<void, CommandError> subscribe(Channel channel, std::string_view symbol,
                                              std::optional<uint32_t> parameter = std::nullopt);
  std::expected<void, CommandError> unsubscribe(Channel channel, std::string_view symbol);
  // Drops a live connection and comes back; of several legs one after the other, never the last one
  // that is Live. While waiting, skips what is left of a backoff. The breaker, the connect budget
  // and what the venue asked for (maintenance, Retry-After) still hold.
  std::expected<void, CommandError> reconnect();
  // Says goodbye to the venue; Closed follows within close_timeout.
  std::expected<void, CommandError> close();

  // What was asked for and not given back: "book BTC/USD".
  [[nodiscard]] std::vector<std::string> wanted() const;

 private:
  [[nodiscard]] Command make(Command::Kind kind) const;
  [[nodiscard]] Command make(Command::Kind kind, Channel channel, std::string_view symbol) const;

  EngineSessions& engine_;
  uint8_t session_;
  uint32_t legs_;
  std::set<std::pair<Channel, std::string>> wanted_;
};

// The sessions of an engine, by their numbers, in the order in which they were added.
//
// Whoever runs the engine derives from it and carries the commands; what the sessions may still ask
// for together, is reckoned here.
class EngineSessions {
 public:
  explicit EngineSessions(const EngineSettings& settings);
  EngineSessions(const EngineSessions&) = delete;
  EngineSessions& operator=(const EngineSessions&) = delete;

  // There must be one of that number.
  [[nodiscard]] SessionCommands& session(uint8_t number) { return sessions_.at(number); }
  [[nodiscard]] const SessionCommands& session(uint8_t number) const {
    return sessions_.at(number);
  }
  [[nodiscard]] size_t session_count() const { return sessions_.size(); }
  // Closes every session. False: the queue is full; try again.
  bool close_all();

 protected:
  ~EngineSessions() = default;

 private:
  friend class SessionCommands;
  virtual std::expected<void, CommandError> send(const Command& command) = 0;

  uint32_t ring_slots_;
  uint32_t depth_max_ = 0;
  uint64_t slots_wanted_ = 0;                 // by all sessions, without the deepest book
  std::set<std::string, std::less<>> named_;  // ever: the engine's table of names only grows
  std::deque<SessionCommands> sessions_;
};

// An engine on a thread of its own, events by a ring.
class EngineClient : public EngineSessions {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<EngineClient>, StartError> connect(
      const EngineSettings& settings);

  // Closes, waits for the engine's thread (at most close_timeout and a little) and frees
  // everything.
  virtual ~EngineClient();

  // The next event, if there is one.
  [[nodiscard]] bool poll(Event& event);
  // The events that lie ready, in place; release() gives their slots back.
  [[nodiscard]] std::span<const Event> peek();
  void release(size_t count);
  // The next event, waited for. False: `timeout` passed, or the client is closed and all is read.
  // Whoever waits sleeps; the engine wakes him with a system call, so a strategy that counts
  // nanoseconds polls.
  [[nodiscard]] bool wait(Event& event, Duration timeout);
  // For select, poll and epoll: readable when there is an event, and once closed. Read until
  // poll() is false, or peek() empty, which makes it unreadable again. The first call makes it; an
  // error is the system's, in one line. It is the client's: do not close it.
  [[nodiscard]] std::expected<int, std::string> event_descriptor();

  // Waits for the first all clear of every session with at least one subscription settled, or says
  // why there is none; a refusal that may pass is waited for. Takes no event out of the ring, which
  // must hold all first snapshots for that: two events a level of depth and book, and some more.
  [[nodiscard]] std::expected<void, NotLive> wait_live(Duration timeout);
  // … of one.
  [[nodiscard]] std::expected<void, NotLive> wait_live(uint8_t session, Duration timeout);
  // Every session has published Closed.
  [[nodiscard]] bool closed() const;
  // Once closed: whether everything is in the recording, or one line that says why not.
  [[nodiscard]] std::expected<void, std::string> recording() const;
  [[nodiscard]] const Names& names() const;
  // What to add to Event::time for nanoseconds since 1970 UTC, as of now.
  [[nodiscard]] Duration utc_offset() const;
  // What it runs on, and why on nothing faster.
  [[nodiscard]] const NetworkChoice& network() const;
  // Latencies inside the engine, as of now: some microseconds here, nothing for the engine.
  [[nodiscard]] ClientCounters counters() const;
  [[nodiscard]] SessionCounters counters(uint8_t session) const;

 protected:
  struct State;
  EngineClient(const EngineSettings& settings, std::unique_ptr<State> state);
  // Makes the client and starts it: `Client` is this class or one that derives from it.
  template <class Client>
  [[nodiscard]] static std::expected<std::unique_ptr<Client>, StartError> start(
      const EngineSettings& settings);

 private:
  std::expected<void, CommandError> send(const Command& command) override;

  std::unique_ptr<State> state_;
};

// The same engine on your thread, which also destroys it: nothing happens but inside run_once(). It
// never sleeps but in the turn of the last Closed, which lets the network (50 ms at most) and a
// recording's disk have what is theirs.
class InlineEngineClient : public EngineSessions {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<InlineEngineClient>, StartError> connect(
      const EngineSettings& settings);
  virtual ~InlineEngineClient();

  // One turn; every event of it is handed to `sink(const Event&)`. Returns how many. A sink that
  // throws has not seen what is left of the turn, and nobody will.
  template <class Sink>
  uint32_t run_once(Sink&& sink) {
    const std::span<const Event> events = turn();
    for (const Event& event : events) sink(event);
    return static_cast<uint32_t>(events.size());
  }

  // As of EngineClient.
  [[nodiscard]] bool closed() const;
  [[nodiscard]] std::expected<void, std::string> recording() const;
  [[nodiscard]] const Names& names() const;
  [[nodiscard]] Duration utc_offset() const;
  [[nodiscard]] const NetworkChoice& network() const;
  [[nodiscard]] ClientCounters counters() const;
  [[nodiscard]] SessionCounters counters(uint8_t session) const;

 protected:
  struct State;
  InlineEngineClient(const EngineSettings& settings, std::unique_ptr<State> state);
  template <class Client>
  [[nodiscard]] static std::expected<std::unique_ptr<Client>, StartError> start(
      const EngineSettings& settings);

 private:
  // Runs a turn: its events.
  std::span<const Event> turn();
  std::expected<void, CommandError> send(const Command& command) override;

  std::unique_ptr<State> state_;
};

}  // namespace havklo
