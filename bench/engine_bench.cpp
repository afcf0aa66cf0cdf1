// A frame of the venue to verified events in the ring: WebSocket, JSON, book, checksum, events.
//
// The frames are those of a real capture when there is one (HAVKLO_SHARED_DIR, or beside the
// project), else of the seeded market; the label says which. The engine runs whole, with a clock
// that stands still. The straightforward implementation runs in the same process, pass about with
// ours, and both must give the same events, every checksum verified, or nothing counts.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "bench/feed_world.hpp"
#include "bench/paired_time.hpp"
#include "bench/straightforward_book.hpp"
#include "bench/venue_frames.hpp"

namespace {

using namespace havklo;
using namespace havklo::bench;

std::vector<Event> market_events(const EventWindow& window) {
  std::vector<Event> events;
  for (uint32_t i = 0; i < window.room; ++i) {
    const EventKind kind = window[i].kind;
    if (kind == EventKind::book_snapshot || kind == EventKind::book_update) {
      events.push_back(window[i]);
    }
  }
  return events;
}

bool same(const Event& a, const Event& b) {
  return a.kind == b.kind && a.flags == b.flags &&
         std::memcmp(&a.payload.book, &b.payload.book, sizeof a.payload.book) == 0;
}

// One pass over the reads; false when a checksum did not verify.
bool engine_pass(FeedWorld& world, const std::vector<std::vector<std::byte>>& reads,
                 size_t messages) {
  size_t verified = 0;
  size_t faults = 0;
  for (const auto& stream : reads) {
    world.transport.next = {stream.data(), stream.size() - receive_padding};
    static_cast<void>(world.engine.turn());
    const EventWindow window = world.events.published();
    for (uint32_t i = 0; i < window.room; ++i) {
      verified += window[i].last_in_message() ? 1 : 0;
      faults += window[i].kind == EventKind::checksum_mismatch ? 1 : 0;
    }
  }
  return faults == 0 && verified >= messages;
}

bool straightforward_pass(StraightforwardBooks& books, std::span<const std::string> padded,
                          std::vector<Event>& events) {
  for (const std::string& text : padded) {
    const size_t size = text.size() - receive_padding;
    events.clear();  // the ring, whose consumer has read
    if (!books.apply(simdjson::padded_string_view(text.data(), size, text.size()), events))
      return false;
  }
  return true;
}

std::vector<std::string> padded(std::span<const std::string> texts) {
  std::vector<std::string> all(texts.begin(), texts.end());
  for (std::string& text : all) text.append(receive_padding, '\0');
  return all;
}

bool answers_agree(const Frames& frames) {
  FeedWorld world(frames);
  StraightforwardBooks books(frames.depth);
  std::vector<Event> theirs;
  const auto texts = padded(frames.texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    world.say(frames.texts[i]);
    const std::vector<Event> ours = market_events(world.events.published());
    theirs.clear();
    const size_t size = texts[i].size() - receive_padding;
    if (!books.apply(simdjson::padded_string_view(texts[i].data(), size, texts[i].size()), theirs))
      return false;
    if (!std::ranges::equal(ours, theirs, same)) return false;
  }
  return true;
}

void set_per_message(benchmark::State& state, uint64_t messages) {
  state.SetLabel(real_or_made_frames().real ? "real capture" : "seeded market");
  state.counters["per_message"] = benchmark::Counter(
      static_cast<double>(messages), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void frame_to_events(benchmark::State& state) {
  const Frames& frames = real_or_made_frames();
  const auto reads = reads_of(frames.texts, static_cast<size_t>(state.range(0)));
  FeedWorld world(frames);
  uint64_t messages = 0;
  bool right = true;
  for (auto _ : state) {
    right = engine_pass(world, reads, frames.texts.size()) && right;
    messages += frames.texts.size();
  }
  if (!right) state.SkipWithError("a checksum did not verify");
  set_per_message(state, messages);
}
BENCHMARK(frame_to_events)->Arg(1)->Arg(16);

void straightforward(benchmark::State& state) {
  const Frames& frames = real_or_made_frames();
  const auto texts = padded(frames.texts);
  StraightforwardBooks books(frames.depth);
  std::vector<Event> events;
  uint64_t messages = 0;
  bool right = true;
  for (auto _ : state) {
    right = straightforward_pass(books, texts, events) && right;
    messages += texts.size();
  }
  if (!right) state.SkipWithError("a checksum did not verify");
  set_per_message(state, messages);
}
BENCHMARK(straightforward);

// Pass about, so that what else the machine does falls on both.
void ours_against_straightforward(benchmark::State& state) {
  const Frames& frames = real_or_made_frames();
  if (!answers_agree(frames)) return state.SkipWithError("the answers differ");
  const auto reads = reads_of(frames.texts, static_cast<size_t>(state.range(0)));
  const auto texts = padded(frames.texts);
  FeedWorld world(frames);
  StraightforwardBooks books(frames.depth);
  std::vector<Event> events;
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> ratios;
  const auto messages = static_cast<double>(frames.texts.size());
  bool right = true;
  for (auto _ : state) {
    const double begin = bench::thread_cpu_ns();
    right = engine_pass(world, reads, frames.texts.size()) && right;
    const double middle = bench::thread_cpu_ns();
    right = straightforward_pass(books, texts, events) && right;
    const double end = bench::thread_cpu_ns();
    ours.push_back((middle - begin) / messages);
    theirs.push_back((end - middle) / messages);
    ratios.push_back((middle - begin) / (end - middle));
  }
  if (!right) state.SkipWithError("a checksum did not verify");
  state.SetLabel(frames.real ? "real capture" : "seeded market");
  state.counters["ours_ns"] = bench::median(ours);
  state.counters["theirs_ns"] = bench::median(theirs);
  state.counters["ratio"] = bench::median(ratios);
}
BENCHMARK(ours_against_straightforward)->Arg(1)->Arg(16);

}  // namespace
