// The ring of 64-byte events: one by one and in batches on one thread (the cost of the operations
// themselves), and between two threads (throughput, and there and back). Answers are checked.
#include <benchmark/benchmark.h>

#include <atomic>
#include <havklo/event_ring.hpp>
#include <thread>
#include <vector>

namespace {

using namespace havklo;

constexpr size_t slots = 4096;

Event numbered(uint64_t number) {
  Event event = Event::make(EventKind::heartbeat);
  event.sequence = number;
  return event;
}

void push_and_pop_one(benchmark::State& state) {
  EventRing ring(slots);
  uint64_t sent = 0;
  uint64_t sum = 0;
  Event event = numbered(0);
  for (auto _ : state) {
    event.sequence = ++sent;
    benchmark::DoNotOptimize(ring.try_push(event));
    Event out = numbered(0);
    benchmark::DoNotOptimize(ring.try_pop(out));
    sum += out.sequence;
  }
  if (sum != sent * (sent + 1) / 2) state.SkipWithError("events were lost");
}
BENCHMARK(push_and_pop_one);

void batches(benchmark::State& state) {
  EventRing ring(slots);
  const auto batch = static_cast<size_t>(state.range(0));
  std::vector<Event> events(batch, numbered(0));
  uint64_t sent = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(ring.free_slots(batch));
    for (Event& event : events) event.sequence = ++sent;
    ring.push(events);
    for (size_t left = batch; left != 0;) {
      const auto ready = ring.peek();
      for (const Event& event : ready) sum += event.sequence;
      ring.release(ready.size());
      left -= ready.size();
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(sent));
  if (sum != sent * (sent + 1) / 2) state.SkipWithError("events were lost");
}
BENCHMARK(batches)->Arg(16)->Arg(256);

// An echo: there by one ring, back by another.
void round_trip(benchmark::State& state) {
  EventRing there(slots);
  EventRing back(slots);
  std::atomic<bool> stop{false};
  std::thread echo([&] {
    Event event = numbered(0);
    while (!stop.load(std::memory_order_relaxed)) {
      if (there.try_pop(event)) {
        while (!back.try_push(event)) continue;
      }
    }
  });
  uint64_t sent = 0;
  bool right = true;
  for (auto _ : state) {
    Event event = numbered(++sent);
    while (!there.try_push(event)) continue;
    while (!back.try_pop(event)) continue;
    right = right && event.sequence == sent;
  }
  stop.store(true);
  echo.join();
  if (!right) state.SkipWithError("an event came back wrong");
}
BENCHMARK(round_trip)->UseRealTime();

void throughput(benchmark::State& state) {
  EventRing ring(slots);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> read{0};
  std::thread consumer([&] {
    uint64_t count = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      const auto ready = ring.peek();
      count += ready.size();
      ring.release(ready.size());
      if (!ready.empty()) read.store(count, std::memory_order_relaxed);
    }
  });
  uint64_t sent = 0;
  Event event = numbered(0);
  for (auto _ : state) {
    event.sequence = ++sent;
    while (!ring.try_push(event)) continue;
  }
  while (read.load(std::memory_order_relaxed) != sent) continue;
  stop.store(true);
  consumer.join();
  state.SetItemsProcessed(static_cast<int64_t>(sent));
}
BENCHMARK(throughput)->UseRealTime();

}  // namespace
