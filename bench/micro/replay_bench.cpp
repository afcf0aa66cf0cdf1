// How fast a recording replays, beside what the engine alone takes for the same reads.
//
// A session of real capture frames (HAVKLO_SHARED_DIR, or beside the project; else the seeded
// market's, and the label says so) is recorded once, then replayed from its file: reading blocks
// and their checksums, decoding, the whole engine, the digest of every turn. `engine_alone` hands
// the same reads to the same engine from memory: the live decode path. Both check their answer:
// every checksum verified, the replay identical.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <havklo/recording.hpp>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/venue/frames.hpp"
#include "bench/venue/world.hpp"
#include "replay/playback/player.hpp"
#include "support/sync_block_writer.hpp"

namespace {

using namespace havklo;
using namespace havklo::bench;

// In one recording: long enough that what a player allocates at its start does not count.
constexpr size_t messages_wanted = 20'000;

// Reads of so many frames, the same session over and over until there are `messages_wanted`.
struct Reads {
  std::vector<std::vector<std::byte>> bytes;
  size_t messages = 0;
};

Reads reads_for(size_t per_read) {
  Reads reads;
  const Frames& frames = real_or_made_frames();
  while (reads.messages < messages_wanted) {
    std::ranges::move(reads_of(frames.texts, per_read), std::back_inserter(reads.bytes));
    reads.messages += frames.texts.size();
  }
  return reads;
}

void read(FeedWorld& world, const std::vector<std::byte>& bytes) {
  world.clock.advance(Duration::microseconds(50));
  world.transport.next = {bytes.data(), bytes.size() - receive_padding};
  static_cast<void>(world.engine.turn());
}

void report(benchmark::State& state, uint64_t messages) {
  state.SetLabel(std::string(real_or_made_frames().label()));
  state.counters["messages/s"] =
      benchmark::Counter(static_cast<double>(messages), benchmark::Counter::kIsRate);
  state.counters["per_message"] = benchmark::Counter(
      static_cast<double>(messages), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void engine_alone(benchmark::State& state) {
  const Reads reads = reads_for(static_cast<size_t>(state.range(0)));
  FeedWorld world(real_or_made_frames());
  uint64_t messages = 0;
  uint64_t verified = 0;
  for (auto _ : state) {
    for (const auto& bytes : reads.bytes) {
      read(world, bytes);
      verified += world.verified();
    }
    messages += reads.messages;
  }
  if (verified < messages) state.SkipWithError("a checksum did not verify");
  report(state, messages);
}
BENCHMARK(engine_alone)->Arg(1)->Arg(16)->Unit(benchmark::kMillisecond);

void replay_recording(benchmark::State& state) {
  const Reads reads = reads_for(static_cast<size_t>(state.range(0)));
  const Frames& frames = real_or_made_frames();
  std::string path = (std::filesystem::temp_directory_path() / "havklo-bench-XXXXXX").string();
  ::close(mkstemp(path.data()));
  {
    SyncBlockWriter writer;
    auto recorder = Recorder::create(path, feed_settings(frames), 1, Duration{}, writer).value();
    FeedWorld world(frames, {.journal = recorder.get()});
    for (const auto& bytes : reads.bytes) read(world, bytes);
    recorder->finish();
  }
  uint64_t messages = 0;
  uint64_t verified = 0;
  bool identical = true;
  for (auto _ : state) {
    state.PauseTiming();  // an engine's memory: once a session, however long it is
    auto player = std::make_unique<replay::Player>(replay::Reader::open(path).value());
    state.ResumeTiming();
    while (player->step() == replay::Player::Status::turn) {
      for (const Event& event : player->events()) verified += event.last_in_message() ? 1 : 0;
    }
    state.PauseTiming();
    identical = identical && player->result().identical() && player->result().torn.empty();
    messages += reads.messages;
    player.reset();
    state.ResumeTiming();
  }
  ::unlink(path.c_str());
  if (!identical || verified < messages) state.SkipWithError("the replay is not identical");
  report(state, messages);
}
BENCHMARK(replay_recording)->Arg(1)->Arg(16)->Unit(benchmark::kMillisecond);

}  // namespace
