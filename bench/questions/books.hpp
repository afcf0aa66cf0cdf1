// What is asked of a decoder: the venue's book messages to events in 64-byte records, every
// checksum verified. Ours is the whole engine: WebSocket frames, session, book, events; many frames
// a read or one a read. The straightforward way gets the texts alone.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"
#include "bench/peers/cpp/straightforward_book.hpp"
#include "bench/venue/frames.hpp"
#include "bench/venue/world.hpp"

namespace havklo::bench {

// One pass over the reads, every event looked at; false when a checksum did not verify.
inline bool verified_pass(FeedWorld& world, const std::vector<std::vector<std::byte>>& reads,
                          size_t messages) {
  size_t verified = 0;
  size_t faults = 0;
  for (const auto& stream : reads) {
    world.transport.next = {stream.data(), stream.size() - receive_padding};
    static_cast<void>(world.engine.turn());
    for (const Event& event : world.events.published()) {
      verified += event.last_in_message() ? 1 : 0;
      faults += event.kind == EventKind::checksum_mismatch ? 1 : 0;
    }
  }
  return faults == 0 && verified >= messages;
}

// Passes to be timed, between two that are verified: their events are counted, not read, as nobody
// reads the peers'. A message that failed would publish other events, and end its book.
class EnginePasses {
 public:
  EnginePasses(FeedWorld& world, const std::vector<std::vector<std::byte>>& reads, size_t messages)
      : world_(world),
        reads_(reads),
        messages_(messages),
        verified_(verified_pass(world, reads, messages)),
        events_(count()) {}

  // One pass; whether it published as many events as the one before.
  bool operator()() { return count() == events_; }
  // Another one, every event looked at; false as well when the first was not verified.
  [[nodiscard]] bool verify() { return verified_pass(world_, reads_, messages_) && verified_; }

 private:
  uint64_t count() {
    uint64_t events = 0;
    for (const auto& stream : reads_) {
      world_.transport.next = {stream.data(), stream.size() - receive_padding};
      events += world_.engine.turn().events;
    }
    return events;
  }

  FeedWorld& world_;
  const std::vector<std::vector<std::byte>>& reads_;
  size_t messages_;
  bool verified_;
  uint64_t events_;
};

// With simdjson's padding behind each.
inline std::vector<std::string> padded(std::span<const std::string> texts) {
  std::vector<std::string> all(texts.begin(), texts.end());
  for (std::string& text : all) text.append(receive_padding, '\0');
  return all;
}

inline simdjson::padded_string_view view_of(const std::string& padded_text) {
  return simdjson::padded_string_view(padded_text.data(), padded_text.size() - receive_padding,
                                      padded_text.size());
}

inline bool straightforward_pass(StraightforwardBooks& books, std::span<const std::string> padded,
                                 std::vector<Event>& events) {
  for (const std::string& text : padded) {
    events.clear();  // the ring, whose consumer has read
    if (!books.apply(view_of(text), events)) return false;
  }
  return true;
}

inline std::vector<Event> book_events(std::span<const Event> events) {
  std::vector<Event> books;
  std::ranges::copy_if(events, std::back_inserter(books), [](const Event& event) {
    return event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
  });
  return books;
}

// Both ways give the same events for every message.
inline bool answers_agree(const Frames& frames) {
  const auto same = [](const Event& a, const Event& b) {
    return a.kind == b.kind && a.flags == b.flags &&
           std::memcmp(&a.payload.book, &b.payload.book, sizeof a.payload.book) == 0;
  };
  FeedWorld world(frames);
  StraightforwardBooks books(frames.depth);
  std::vector<Event> theirs;
  const auto texts = padded(frames.texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    world.say(frames.texts[i]);
    const std::vector<Event> ours = book_events(world.events.published());
    theirs.clear();
    if (!books.apply(view_of(texts[i]), theirs)) return false;
    if (!std::ranges::equal(ours, theirs, same)) return false;
  }
  return true;
}

// `pass` takes every message once; false when one was not verified.
template <class Pass>
Measured book_messages(const Run& run, size_t messages, Pass&& pass) {
  bool right = true;
  const auto step = [&](uint64_t passes) {
    for (uint64_t i = 0; i < passes; ++i) right = pass() && right;
  };
  step(run.tiny ? 1 : 5);
  const double cost = cpu_cost_ns(1, run.tiny ? 1 : 101, step) / static_cast<double>(messages);
  if (!right) return std::unexpected("a checksum did not verify");
  return Figure{.value = cost, .percentiles = {}};
}

}  // namespace havklo::bench
