// Ours against itself: what the settings that a user chooses cost, and the system calls of each
// network.
#include <atomic>
#include <havklo/ring_doors.hpp>
#include <thread>

#include "bench/contenders/wire_clients.hpp"
#include "bench/questions/books.hpp"
#include "bench/questions/rings.hpp"

namespace havklo::bench {
namespace {

const std::vector<int64_t> choice_rates{1'000, 20'000};

// A thread that spins finds a message; one that sleeps is woken for it.
const Registration uring_spin("choice_idle", "io_uring, spin", HAVKLO_VERSION,
                              wire_latency<TextOnly<Network::io_uring>>, choice_rates);
const Registration uring_park("choice_idle", "io_uring, park", HAVKLO_VERSION,
                              wire_latency<TextOnly<Network::io_uring, Idle::park>>, choice_rates);
const Registration sockets_spin("choice_idle", "sockets, spin", HAVKLO_VERSION,
                                wire_latency<TextOnly<Network::sockets>>, choice_rates);
const Registration sockets_park("choice_idle", "sockets, park", HAVKLO_VERSION,
                                wire_latency<TextOnly<Network::sockets, Idle::park>>, choice_rates);

const Registration unrecorded("choice_recording", "recording off", HAVKLO_VERSION,
                              wire_latency<Engine<Network::io_uring>>, choice_rates);
const Registration recorded("choice_recording", "recording on", HAVKLO_VERSION,
                            wire_latency<Engine<Network::io_uring, true>>, choice_rates);

// From the engine's having the bytes of a book message to the strategy's having its last event. The
// next message waits until the strategy has said so.
class Strategy {
 public:
  explicit Strategy(LatencyHistogram& latencies) : latencies_(latencies) {}
  // The engine's side, which does the sum: a line that the strategy had to fetch for it would be
  // counted, too.
  void begin() { began_ns_ = monotonic_ns(); }
  [[nodiscard]] uint64_t messages() const { return messages_.load(std::memory_order_acquire); }
  void end() { latencies_.record(has_it_ns_.load(std::memory_order_relaxed) - began_ns_); }
  // The strategy's.
  void take(const Event& event) {
    const bool book =
        event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
    if (!book || !event.last_in_message()) return;
    has_it_ns_.store(monotonic_ns(), std::memory_order_relaxed);
    // Pairs with the acquire in messages(): the engine may begin the next.
    messages_.store(messages_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  LatencyHistogram& latencies_;
  int64_t began_ns_ = 0;
  alignas(cache_line_bytes) std::atomic<int64_t> has_it_ns_{0};
  std::atomic<uint64_t> messages_{0};
};

// One message after the other; `turn_and_wait()` returns when the strategy has it.
template <class TurnAndWait>
void feed_all(const Run& run, FeedWorld& world, const Frames& frames, Strategy& strategy,
              TurnAndWait&& turn_and_wait) {
  const auto reads = reads_of(frames.texts, 1);
  const size_t wanted = run.tiny ? 50 : 20'000;
  for (size_t i = 0; i < wanted; ++i) {
    const std::vector<std::byte>& read = reads[i % reads.size()];
    world.transport.next = {read.data(), read.size() - receive_padding};
    strategy.begin();
    turn_and_wait();
    strategy.end();
  }
}

Measured figure_of(const LatencyHistogram& latencies) {
  return Figure{.value = static_cast<double>(latencies.value_at(50)),
                .percentiles = latencies.percentiles()};
}

Measured by_inline(const Run& run) {
  const Frames& frames = real_or_made_frames();
  LatencyHistogram latencies;
  Strategy strategy(latencies);
  FeedWorld world(frames);
  feed_all(run, world, frames, strategy, [&] {
    static_cast<void>(world.engine.turn());
    for (const Event& event : world.events.published()) strategy.take(event);
  });
  return figure_of(latencies);
}

Measured by_ring(const Run& run) {
  const Frames& frames = real_or_made_frames();
  LatencyHistogram latencies;
  Strategy strategy(latencies);
  EventRing ring(1U << 16U);
  RingEventDoor door(ring);
  FeedWorld world(frames, {.events = &door});
  ring.release(ring.peek().size());  // of the beginning
  std::atomic<bool> pinned{false};
  std::atomic<bool> ended{false};
  std::thread consumer = other_side(run, pinned, [&] {
    while (!ended.load(std::memory_order_relaxed)) {
      const std::span<const Event> events = ring.peek();
      for (const Event& event : events) strategy.take(event);
      ring.release(events.size());
      if (events.empty()) wait_a_little(run);
    }
  });
  uint64_t fed = 0;
  feed_all(run, world, frames, strategy, [&] {
    static_cast<void>(world.engine.turn());
    ++fed;
    while (strategy.messages() < fed) wait_a_little(run);
  });
  ended.store(true, std::memory_order_relaxed);
  consumer.join();
  if (!pinned) return std::unexpected("the other side could not be pinned");
  return figure_of(latencies);
}

const Registration inline_events("choice_events", "inline", HAVKLO_VERSION, by_inline);
const Registration ring_events("choice_events", "by the ring, to another core", HAVKLO_VERSION,
                               by_ring);

// System calls a message, from the first message to the last.
double calls_a_message = 0;

template <Network network, bool empty_too>
class Calls : public Engine<network> {
 public:
  ~Calls() {
    if (messages_ > first_messages_) {
      calls_a_message = static_cast<double>(calls() - first_calls_) /
                        static_cast<double>(messages_ - first_messages_);
    }
  }
  void pump(Arrivals& arrivals) {
    Engine<network>::pump(arrivals);
    messages_ = arrivals.messages();
    if (messages_ == 0 || first_messages_ != 0) return;
    first_messages_ = messages_;
    first_calls_ = calls();
  }

 private:
  [[nodiscard]] uint64_t calls() const {
    const ClientCounters counters = this->counters();
    return counters.kernel_entries + counters.socket_calls -
           (empty_too ? 0 : counters.socket_calls_empty);
  }
  uint64_t messages_ = 0;
  uint64_t first_messages_ = 0;
  uint64_t first_calls_ = 0;
};

template <Network network, bool empty_too, Load::Kind kind>
Measured calls_of(const Run& run) {
  calls_a_message = 0;
  const auto arrivals = on_the_wire<Calls<network, empty_too>>(run, load_for(run, kind));
  if (!arrivals) return std::unexpected(arrivals.error());
  return Figure{.value = calls_a_message, .percentiles = {}};
}

template <Load::Kind kind>
void register_calls(const std::string& question, const std::vector<int64_t>& rates) {
  const auto add = [&](const char* name, Measured (*measure)(const Run&)) {
    Registration(question, name, HAVKLO_VERSION, measure, rates);
  };
  add("io_uring", calls_of<Network::io_uring, true, kind>);
  add("sockets", calls_of<Network::sockets, true, kind>);
  add("sockets, those that found something", calls_of<Network::sockets, false, kind>);
}

const bool registered = [] {
  register_calls<Load::Kind::rate>("calls", {20'000, 100'000});
  register_calls<Load::Kind::flood_books>("calls_stream", {});
  return true;
}();

}  // namespace
}  // namespace havklo::bench
