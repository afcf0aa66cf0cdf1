// What recording costs: CPU time for each message with a recording over CPU time without, TLS
// included, both measured in this run, in turns.
//
// Two engines get the same messages, all that a real capture holds when there is one
// (HAVKLO_SHARED_DIR, or beside the project), else the seeded market's; the label says which. So
// many messages as the argument says are one TLS record, one read, one turn. Counted is the CPU
// time of the process, the kernel's threads that write to the disk among it, until the disk has
// everything. Not counted is the network: its cost would make the ratio look better
// (bench/contenders/recording.cpp counts it). Each ratio is
// of four passes, without, with, with, without, each over records that were sealed just before it
// and followed by the same pause, so that neither a cache nor a drift of the machine prefers one.
// Before anything counts: every checksum verifies, and the recording replays to the same events.
#include <benchmark/benchmark.h>

#include <chrono>
#include <ctime>
#include <havklo/recording.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/harness/measure.hpp"
#include "bench/venue/frames.hpp"
#include "bench/venue/tls_feed.hpp"
#include "bench/venue/world.hpp"
#include "io/live_transport.hpp"
#include "io/system_clock.hpp"
#include "replay/playback/player.hpp"
#include "support/temporary_file.hpp"

namespace {

using namespace havklo;
using namespace havklo::bench;

// How long the kernel's threads may need for what a pass recorded.
constexpr std::chrono::milliseconds disk_pause{20};

// The capture over and over: some 10 ms, so that the pause before it does not count.
constexpr size_t sessions_per_pass = 5;

class NoCompletions final : public CompletionSink {
 public:
  void on_completion(const Completion&) override {}
};

struct Spent {
  double all_ns = 0;
  double loop_ns = 0;  // of it, the engine's own thread
  Spent& operator+=(const Spent& other) {
    all_ns += other.all_ns;
    loop_ns += other.loop_ns;
    return *this;
  }
};

// An engine with what the live client has beside it: io_uring, looked at every turn.
class World {
 public:
  World(const std::string& recording, size_t per_read)
      : plain_(reads_of(real_or_made_frames<Mix::all>().texts, per_read)) {
    const Frames& frames = real_or_made_frames<Mix::all>();
    uring_ = io::LiveTransport::create({.tls = false, .uring = {}}).value();
    if (!recording.empty()) {
      recorder_ = Recorder::create(recording, feed_settings(frames), 1, clock_.utc_offset(),
                                   *uring_->files().value())
                      .value();
      tls_.receive_room = recorder_.get();
    }
    uring_->start_on_this_thread().value();
    feed_.emplace(frames, FeedDoors{&clock_, &tls_, recorder_.get()});
    sealed_.resize(sessions_per_pass * plain_.size());
  }

  Spent run() {
    for (size_t i = 0; i < sealed_.size(); ++i) {
      const std::vector<std::byte>& plain = plain_[i % plain_.size()];
      sealed_[i] = tls_.seal(std::span(plain).first(plain.size() - receive_padding));
    }
    const double began = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    const double loop_began = thread_cpu_ns();
    for (const auto& record : sealed_) {
      tls_.next = record;
      turn();
    }
    const double loop_ended = thread_cpu_ns();
    std::this_thread::sleep_for(disk_pause);
    return {.all_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - began, .loop_ns = loop_ended - loop_began};
  }
  void finish() { recorder_->finish(); }
  [[nodiscard]] bool recorded_all() const { return recorder_->outcome().has_value(); }
  [[nodiscard]] uint64_t recorded_events() const { return recorder_->events(); }
  [[nodiscard]] uint64_t verified() const { return verified_; }

 private:
  void turn() {
    uring_->collect();
    static_cast<void>(uring_->poll(nobody_, completions_per_turn_max));
    static_cast<void>(feed_->engine.turn());
    uring_->flush();
    verified_ += feed_->verified();
  }

  std::vector<std::vector<std::byte>> plain_;
  std::vector<std::vector<std::byte>> sealed_;
  io::SystemClock clock_;
  TlsFeed tls_;
  NoCompletions nobody_;
  std::unique_ptr<io::LiveTransport> uring_;
  std::unique_ptr<Recorder> recorder_;
  std::optional<FeedWorld> feed_;
  uint64_t verified_ = 0;
};

void recording_cost(benchmark::State& state) {
  const TemporaryFile file;
  const auto per_read = static_cast<size_t>(state.range(0));
  World plain("", per_read);
  World recorded(file.path(), per_read);
  const Frames& frames = real_or_made_frames<Mix::all>();
  const double messages = 2 * sessions_per_pass * static_cast<double>(frames.texts.size());
  std::vector<double> ratios;
  std::vector<double> without_ns;
  std::vector<double> added_ns;
  std::vector<double> added_loop_ns;
  for (auto _ : state) {
    Spent without = plain.run();
    Spent with = recorded.run();
    with += recorded.run();
    without += plain.run();
    ratios.push_back(with.all_ns / without.all_ns);
    without_ns.push_back(without.all_ns / messages);
    added_ns.push_back((with.all_ns - without.all_ns) / messages);
    added_loop_ns.push_back((with.loop_ns - without.loop_ns) / messages);
    state.SetIterationTime((with.all_ns + without.all_ns) / 1e9);
  }
  recorded.finish();
  const uint64_t books = 2 * sessions_per_pass * frames.books() * ratios.size();
  if (plain.verified() != books || recorded.verified() != books) {
    return state.SkipWithError("a checksum did not verify");
  }
  replay::Player player(replay::Reader::open(file.path()).value());
  const replay::PlayResult result = player.run();
  if (!recorded.recorded_all() || !result.identical() || !result.torn.empty() ||
      result.events != recorded.recorded_events()) {
    return state.SkipWithError("the recording does not replay");
  }
  state.SetLabel(std::string(frames.label()));
  state.counters["ns_without"] = quantile(without_ns, 0.5);
  state.counters["ns_added"] = quantile(added_ns, 0.5);
  state.counters["ns_added_in_loop"] = quantile(added_loop_ns, 0.5);
  state.counters["ratio"] = quantile(ratios, 0.5);
  state.counters["ratio_p10"] = quantile(ratios, 0.1);
  state.counters["ratio_p90"] = quantile(ratios, 0.9);
}
BENCHMARK(recording_cost)->Arg(1)->Arg(16)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
