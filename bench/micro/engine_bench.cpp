// A frame of the venue to verified events in the ring: WebSocket, JSON, book, checksum, events.
//
// The frames are those of a real capture when there is one (HAVKLO_SHARED_DIR, or beside the
// project), else of the seeded market; the label says which. The engine runs whole, with a clock
// that stands still. The straightforward implementation runs in the same process, pass about with
// ours, and both must give the same events, every checksum verified, or nothing counts.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/harness/measure.hpp"
#include "bench/questions/books.hpp"
#include "io/phase_recorder.hpp"

namespace {

using namespace havklo;
using namespace havklo::bench;

void set_per_message(benchmark::State& state, uint64_t messages) {
  state.SetLabel(real_or_made_frames().real ? "real capture" : "seeded market");
  state.counters["per_message"] = benchmark::Counter(
      static_cast<double>(messages), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void frame_to_events(benchmark::State& state) {
  const Frames& frames = real_or_made_frames();
  const auto reads = reads_of(frames.texts, static_cast<size_t>(state.range(0)));
  FeedWorld world(frames);
  EnginePasses pass(world, reads, frames.texts.size());
  uint64_t messages = 0;
  bool right = true;
  for (auto _ : state) {
    right = pass() && right;
    messages += frames.texts.size();
  }
  if (!pass.verify() || !right) state.SkipWithError("a checksum did not verify");
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
  EnginePasses pass(world, reads, frames.texts.size());
  StraightforwardBooks books(frames.depth);
  std::vector<Event> events;
  std::vector<double> ours;
  std::vector<double> theirs;
  std::vector<double> ratios;
  const auto messages = static_cast<double>(frames.texts.size());
  bool right = true;
  for (auto _ : state) {
    const double begin = bench::thread_cpu_ns();
    right = pass() && right;
    const double middle = bench::thread_cpu_ns();
    right = straightforward_pass(books, texts, events) && right;
    const double end = bench::thread_cpu_ns();
    ours.push_back((middle - begin) / messages);
    theirs.push_back((end - middle) / messages);
    ratios.push_back((middle - begin) / (end - middle));
  }
  if (!pass.verify() || !right) state.SkipWithError("a checksum did not verify");
  state.SetLabel(frames.real ? "real capture" : "seeded market");
  state.counters["ours_ns"] = bench::median(ours);
  state.counters["theirs_ns"] = bench::median(theirs);
  state.counters["ratio"] = bench::median(ratios);
}
BENCHMARK(ours_against_straightforward)->Arg(1)->Arg(16);

// As the live transport does for each read.
class CountingTransport final : public FeedTransport {
 public:
  io::PhaseRecorder phases;

  uint32_t poll(CompletionSink& sink, uint32_t at_most) override {
    const uint32_t completions = FeedTransport::poll(sink, at_most);
    phases.end_read();
    return completions;
  }

 private:
  std::span<const std::byte> unseal(std::span<const std::byte> wire) override {
    phases.begin_read();
    phases.decrypted();
    return wire;
  }
};

// What it costs to know where the time goes: KrakenClient::counters().
void counters_on_against_off(benchmark::State& state) {
  const Frames& frames = real_or_made_frames();
  const auto reads = reads_of(frames.texts, static_cast<size_t>(state.range(0)));
  CountingTransport transport;
  FeedWorld counting(frames, {.transport = &transport, .phases = &transport.phases});
  FeedWorld plain(frames);
  EnginePasses counting_pass(counting, reads, frames.texts.size());
  EnginePasses plain_pass(plain, reads, frames.texts.size());
  std::vector<double> on;
  std::vector<double> off;
  std::vector<double> ratios;
  const auto messages = static_cast<double>(frames.texts.size());
  bool right = true;
  bool counting_first = false;
  for (auto _ : state) {
    double ns[2] = {};
    for (const bool counts : {counting_first, !counting_first}) {
      const double begin = bench::thread_cpu_ns();
      right = (counts ? counting_pass : plain_pass)() && right;
      ns[counts ? 1 : 0] = (bench::thread_cpu_ns() - begin) / messages;
    }
    counting_first = !counting_first;
    off.push_back(ns[0]);
    on.push_back(ns[1]);
    ratios.push_back(ns[1] / ns[0]);
  }
  if (!counting_pass.verify() || !plain_pass.verify() || !right)
    state.SkipWithError("a checksum did not verify");
  if (transport.phases.read_summary().samples == 0) state.SkipWithError("nothing was counted");
  state.counters["on_ns"] = bench::median(on);
  state.counters["off_ns"] = bench::median(off);
  state.counters["ratio"] = bench::median(ratios);
}
BENCHMARK(counters_on_against_off)->Arg(1)->Arg(16);

}  // namespace
