// A recorded session as a source of events: what KrakenClient gave a strategy last night, again.
//
//   auto replay = havklo::Replay::open("night.hvk");
//   if (!replay) { /* replay.error() says in one line what is wrong with the file */ }
//   havklo::OrderBook book(replay->names(), "BTC/USD", 10);
//   for (havklo::Event event; replay->poll(event);) book.apply(event);
//   if (replay->end() != havklo::ReplayEnd::whole) std::puts(replay->message().c_str());
//
// The events are not read from the file, the engine makes them again from what it was told then,
// and every turn is compared with the recording: what poll() gives is what the strategy saw, to the
// byte, times and sequence numbers included.
// Owns:    the file, an engine, its table of names.
// Threads: one. To feed a strategy that reads a ring on another thread, use fill().
// Errors:  open() refuses what is no recording, or of another format. A recording that ends early
//          or that this build replays otherwise ends the events: end() and message() say which.
// Cost:    as much as the engine's own work: no sleeping, no network, no TLS.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/names.hpp>
#include <memory>
#include <span>
#include <string>

namespace havklo {

enum class ReplayEnd : uint8_t {
  not_yet,  // there is more
  whole,    // the session ended in order, and every event was the recorded one
  torn,     // the file ends early (kill -9, power cut); every event so far was the recorded one
  differs,  // this build does otherwise than the one that recorded; no event of that turn is given
};

class Replay {
 public:
  [[nodiscard]] static std::expected<Replay, std::string> open(const std::string& path);
  ~Replay();
  Replay(Replay&&) noexcept;
  Replay& operator=(Replay&&) noexcept;

  // The next event; false at the end, as KrakenClient::poll() is when there is none.
  [[nodiscard]] bool poll(Event& event);

  // The events of the next turn that has any, each handed to `sink(const Event&)`, as
  // InlineKrakenClient::run_once() does. Returns how many; 0 at the end.
  template <class Sink>
  uint32_t run_once(Sink&& sink) {
    const std::span<const Event> events = next_turn();
    for (const Event& event : events) sink(event);
    return static_cast<uint32_t>(events.size());
  }

  // As many events as the ring has room for. False: the end, nothing is left to push. The ring
  // must have had no events but this replay's, whose numbers begin at 1.
  bool fill(EventRing& ring);

  [[nodiscard]] ReplayEnd end() const;
  // "" or, in lines, what is torn or what differs.
  [[nodiscard]] std::string message() const;

  // Knows every id in the events given so far. Stays where it is when the Replay is moved.
  [[nodiscard]] const Names& names() const;
  // The settings of the (first) session, and what to add to Event::time for nanoseconds since 1970.
  [[nodiscard]] const Settings& settings() const;
  [[nodiscard]] Duration utc_offset() const;

 private:
  struct State;
  explicit Replay(std::unique_ptr<State> state);
  std::span<const Event> next_turn();
  std::unique_ptr<State> state_;
};

}  // namespace havklo
