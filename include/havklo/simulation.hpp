// A strategy's unit test: the engine itself against a model of the venue, from a scenario, in
// virtual time. No socket, no thread, no sleep; the same scenario and the same calls give the same
// events to the byte.
//
//   auto sim = havklo::Simulation::from_toml("fault = [{kind = 'reset', at = '5s'}]");
//   if (!sim) { /* sim.error() says in one line what is wrong with the scenario */ }
//   Strategy strategy(sim->names());
//   const auto feed = [&](const havklo::Event& event) { strategy.on_event(event); };
//   sim->run_for(5_s, feed);     // + 5 s: the connection is reset
//   EXPECT_FALSE(strategy.quotes());
//   sim->run_until(havklo::EventKind::subscriptions_restored, 10_s, feed);
//   EXPECT_TRUE(strategy.quotes());
//
// Scenarios are those of `havklo sim --scenario`: who connects ([[session]], or settings in C++),
// what breaks and when ([[fault]]), the market. replay/world/scenario.hpp has the keys, the
// author's guide the commonest. `at` counts from the venue's start: now() is 0, the first turn due.
//
// The scenario's time. From `[run] for` on, if the scenario says it, the world is well: no fault
// strikes any more. If it does not, faults last as long as they say. In neither case does a run
// end there: the venue goes on trading. heal() makes it well at once; finish() plays the story to
// the end that `havklo sim --scenario` gives it, with the same events to the byte where nothing was
// asked or added on the way.
// Owns:    venue, network, market, clock, an engine, its table of names.
// Threads: one. Commands, add() and heal() may come from inside a sink, too; run_…() and finish()
//          may not.
// Errors:  what cannot be played is refused before it begins. Settings of a session are checked as
//          connect() does it; those of the machine (network, idle, cpu, ca_file, recording) mean
//          nothing here.
// Cost:    some thousand times faster than the world. All of the venue's books are remembered as
//          digests, some 50 bytes a message.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/engine_client.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <havklo/order_book.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo {

// Both sides, best first.
struct VenueBook {
  std::vector<Level> bids;
  std::vector<Level> asks;
  int64_t venue_time_ns = 0;  // of its last change; nanoseconds since 1970 by the venue's clock
};

class Simulation {
 public:
  using Sink = std::function<void(const Event&)>;
  using Sessions = std::vector<Settings>;

  // A scenario as text, from a file, or one of built_in_names(). `sessions`: who connects, where
  // the scenario has no [[session]]; without any, one with three books of depth 10.
  [[nodiscard]] static std::expected<Simulation, std::string> from_toml(std::string_view scenario,
                                                                        Sessions sessions = {});
  [[nodiscard]] static std::expected<Simulation, std::string> open(const std::string& path,
                                                                   Sessions sessions = {});
  [[nodiscard]] static std::expected<Simulation, std::string> built_in(std::string_view name,
                                                                       Sessions sessions = {});
  [[nodiscard]] static std::vector<std::string_view> built_in_names();
  ~Simulation();
  Simulation(Simulation&&) noexcept;
  Simulation& operator=(Simulation&&) noexcept;

  // Each moves virtual time and hands every event that comes on the way to `sink`, in order. What
  // is due at the last instant happens, too. While the scenario has the consumer asleep ([[pause]])
  // nothing is handed over; the ring fills meanwhile, as it would.

  // Returns how many events came.
  uint64_t run_for(Duration time, const Sink& sink = {});
  // On to the next instant at which anything happens, and that one; maybe 0 events. Time stands
  // still when nothing ever will.
  uint64_t run_once(const Sink& sink = {});
  // Until `done`, which is asked at once, and after the events of each instant. False: it was not
  // so within `at_most`.
  bool run_until(const std::function<bool()>& done, Duration at_most, const Sink& sink = {});
  // Until an event of this kind has come: the first of its instant. Nothing: none came.
  std::optional<Event> run_until(EventKind kind, Duration at_most, const Sink& sink = {});
  // What is left of the scenario's time (where it says none, of one minute, or until the last that
  // is planned). Then the world is made well, every session must be Live again with all that it
  // wants, and stay so for some seconds; then all are closed. Or one line: what did not hold.
  std::expected<void, std::string> finish(const Sink& sink = {});

  // subscribe, unsubscribe, reconnect, close: what a client's session() offers, so that a strategy
  // which takes a SessionCommands& runs with either. It stays where it is when this one is moved.
  [[nodiscard]] SessionCommands& session(uint8_t number = 0);
  // What breaks from now on: [[fault]], [[pause]] and [[jump]] as in a scenario, whose `at`
  // counts from now, and is now where a fault says neither `at` nor `after`:
  //   sim->add("fault = [{kind = 'reset'}, {kind = 'refuse', for = '3s'}]")   // gone for 3 s
  std::expected<void, std::string> add(std::string_view toml);
  // The plan of faults is empty, the venue online, nobody is banned. What faults have done to
  // connections stays done.
  void heal();

  // Since the venue's start. Event::time is on the same line.
  [[nodiscard]] Instant now() const;
  // What to add to it for nanoseconds since 1970; the venue's clock is right.
  [[nodiscard]] Duration utc_offset() const;
  // Knows every id in the events given so far. Stays where it is when the Simulation is moved.
  [[nodiscard]] const Names& names() const;
  [[nodiscard]] uint32_t session_count() const;
  [[nodiscard]] const Settings& settings(uint32_t session = 0) const;
  // All of them have published Closed; or this one has.
  [[nodiscard]] bool closed() const;
  [[nodiscard]] bool closed(uint32_t session) const;

  // The truth about the market. What the venue has of a symbol now, cut to `depth`; nothing of a
  // symbol that it does not list. A client is behind it by what is on the way.
  [[nodiscard]] std::optional<VenueBook> venue_book(std::string_view symbol,
                                                    uint32_t depth = 10) const;
  // Whether the venue had exactly these levels when it stamped this time, now or long ago, of a
  // depth that somebody subscribed to. Where it left out an update (silent_data, blackhole), which
  // no client can know, only the ten best of a side are compared: its checksum covers no more.
  [[nodiscard]] bool venue_had(std::string_view symbol, uint32_t depth, std::span<const Level> bids,
                               std::span<const Level> asks, int64_t venue_time_ns) const;
  // The same for an OrderBook; false for one that answers nothing.
  [[nodiscard]] bool venue_had(const OrderBook& book, uint32_t depth = 10) const;

  // "" or one line: which of the engine's promises this run broke first. An observer checks them
  // all the while, as in `havklo sim`: a line here is a bug of Havklo, unless finish() says it of
  // settings that let nobody recover.
  [[nodiscard]] std::string broken_promise() const;

 private:
  struct State;
  explicit Simulation(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace havklo
