// What is asked of a ring between two threads on two cores, 64 bytes a message: one by one, in
// batches, there and back. One driver for every contender, which brings, for Item:
//   Ring(size_t capacity)
//   bool push(const Item&), bool pop(Item&)
//   size_t push_batch(uint64_t first, size_t count)   how many of first, first + 1, … went in
//   size_t pop_batch(uint64_t& next, bool& right)     reads all it may; checks and moves `next` on
// the last two only where the ring has such operations.
//
// The reader looks at the clock every few thousand messages. The figure is the lower quartile of
// these times: a thread that lost its core stops both, and says nothing about the ring.
#pragma once

#include <immintrin.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"
#include "io/affinity.hpp"

namespace havklo::bench {

struct Item {
  uint64_t sequence = 0;  // from 1, and each the one before and 1
  uint64_t rest[7] = {};
};
static_assert(sizeof(Item) == 64);

inline constexpr size_t ring_capacity = 4'096;
inline constexpr size_t ring_batch = 64;

// In the tests the two threads may share a core with many others: each makes room when it waits.
inline void wait_a_little(const Run& run) { run.tiny ? std::this_thread::yield() : _mm_pause(); }

// The other side's thread, where it belongs.
template <class F>
std::thread other_side(const Run& run, std::atomic<bool>& pinned, F&& f) {
  return std::thread([&run, &pinned, f = std::forward<F>(f)] {
    pinned = run.tiny || io::pin_this_thread(run.peer_cpu).has_value();
    f();
  });
}

// `produce` puts messages 1 … total in; `consume` reads what it may: how many, and whether right.
template <class Produce, class Consume>
Measured ring_throughput(const Run& run, Produce&& produce, Consume&& consume) {
  const uint64_t messages_a_look = run.tiny ? 256 : 16'384;
  const uint64_t total = messages_a_look * (run.tiny ? 1 : 100);
  std::atomic<bool> pinned{false};
  std::thread producer = other_side(run, pinned, [&] { produce(total); });
  std::vector<double> costs;
  uint64_t read = 0;
  bool right = true;
  for (uint64_t look = 1; read < total; ++look) {
    const int64_t begin = monotonic_ns();
    const uint64_t before = read;
    while (read < look * messages_a_look) {
      const uint64_t more = consume(right);
      if (more == 0) wait_a_little(run);
      read += more;
    }
    costs.push_back(static_cast<double>(monotonic_ns() - begin) /
                    static_cast<double>(read - before));
  }
  producer.join();
  if (!pinned) return std::unexpected("the other side could not be pinned");
  if (!right || read != total) return std::unexpected("a message is missing or out of order");
  return Figure{.value = quantile(costs, 0.25), .percentiles = {}};
}

template <class Ring>
Measured ring_one_by_one(const Run& run) {
  Ring ring(ring_capacity);
  uint64_t expected = 1;
  return ring_throughput(
      run,
      [&ring, &run](uint64_t total) {
        Item item;
        for (item.sequence = 1; item.sequence <= total; ++item.sequence) {
          while (!ring.push(item)) wait_a_little(run);
        }
      },
      [&ring, &expected](bool& right) -> uint64_t {
        Item item;
        if (!ring.pop(item)) return 0;
        right = right && item.sequence == expected++;
        return 1;
      });
}

template <class Ring>
Measured ring_batched(const Run& run) {
  Ring ring(ring_capacity);
  uint64_t expected = 1;
  return ring_throughput(
      run,
      [&ring, &run](uint64_t total) {
        for (uint64_t sent = 0; sent < total;) {
          const size_t more = ring.push_batch(sent + 1, std::min(ring_batch, total - sent));
          if (more == 0) wait_a_little(run);
          sent += more;
        }
      },
      [&ring, &expected](bool& right) { return ring.pop_batch(expected, right); });
}

template <class Ring>
Measured ring_round_trip(const Run& run) {
  const uint64_t a_look = run.tiny ? 20 : 1'000;
  const uint64_t looks = run.tiny ? 1 : 100;
  Ring there(ring_capacity);
  Ring back(ring_capacity);
  std::atomic<bool> pinned{false};
  std::thread echo = other_side(run, pinned, [&there, &back, &run, total = a_look * looks] {
    Item item;
    for (uint64_t i = 0; i < total; ++i) {
      while (!there.pop(item)) wait_a_little(run);
      while (!back.push(item)) wait_a_little(run);
    }
  });
  std::vector<double> costs;
  bool right = true;
  Item item;
  for (uint64_t look = 0; look < looks; ++look) {
    const int64_t begin = monotonic_ns();
    for (uint64_t i = 0; i < a_look; ++i) {
      ++item.sequence;
      while (!there.push(item)) wait_a_little(run);
      Item answer;
      while (!back.pop(answer)) wait_a_little(run);
      right = right && answer.sequence == item.sequence;
    }
    costs.push_back(static_cast<double>(monotonic_ns() - begin) / static_cast<double>(a_look));
  }
  echo.join();
  if (!pinned) return std::unexpected("the other side could not be pinned");
  if (!right) return std::unexpected("a message came back wrong");
  return Figure{.value = quantile(costs, 0.25), .percentiles = {}};
}

}  // namespace havklo::bench
