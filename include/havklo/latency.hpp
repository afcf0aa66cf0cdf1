// Where the time of a message goes, counted while the engine runs.
//
// The core says when it has reached a phase; what that means in time is the observer's affair, so
// that no clock is read where everything must be a function of its inputs. Nothing flows back: an
// observer cannot change what the engine does.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/log_linear.hpp>
#include <string_view>

namespace havklo {

// In the order in which a message passes them.
enum class MessagePhase : uint8_t {
  decrypt,  // from the kernel's completion to plaintext; without TLS there is none
  frame,    // … to a whole WebSocket message, its UTF-8 checked
  decode,   // … to what the venue said
  publish,  // … to a verified book and its events in the ring, the consumer's at the turn's end
};
inline constexpr size_t phase_count = 4;
[[nodiscard]] std::string_view to_string(MessagePhase phase);

// Threads: the loop's.
// Cost:    while nobody listens, one load and one branch a phase.
class PhaseObserver {
 public:
  virtual ~PhaseObserver() = default;
  [[nodiscard]] bool listening() const { return listening_; }
  virtual void reached(MessagePhase phase) = 0;

 protected:
  bool listening_ = false;
};

// Counts by size, in buckets of LogLinear: a quantile is at most 1/16 too high.
//
// Threads: one writes; any may read, while it is written, and sees a recent state.
// Cost:    record() is a few instructions and a store; 4.6 kB, nothing is allocated.
class LatencyHistogram {
 public:
  using Buckets = LogLinear<4>;
  static constexpr size_t bucket_count =
      Buckets::bucket_of(uint64_t{1} << 39);  // minutes, in ticks

  void record(uint64_t value) {
    const size_t bucket = Buckets::bucket_of(value);
    std::atomic<uint64_t>& count = counts_[bucket < bucket_count ? bucket : bucket_count - 1];
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (value > max()) max_.store(value, std::memory_order_relaxed);
  }
  [[nodiscard]] uint64_t count() const {
    uint64_t all = 0;
    for (const auto& bucket : counts_) all += bucket.load(std::memory_order_relaxed);
    return all;
  }
  [[nodiscard]] uint64_t max() const { return max_.load(std::memory_order_relaxed); }
  // The value that `permille` of 1000 do not exceed; 0 when there are none.
  [[nodiscard]] uint64_t quantile(uint32_t permille) const {
    const uint64_t wanted = (count() * permille + 999) / 1000;
    uint64_t seen = 0;
    for (size_t i = 0; i + 1 < bucket_count; ++i) {
      seen += counts_[i].load(std::memory_order_relaxed);
      if (seen >= wanted && seen != 0) return std::min(Buckets::highest_of(i), max());
    }
    return max();
  }

 private:
  std::array<std::atomic<uint64_t>, bucket_count> counts_{};
  std::atomic<uint64_t> max_{0};
};

struct LatencySummary {
  uint64_t samples = 0;
  int64_t p50_ns = 0;
  int64_t p99_ns = 0;
  int64_t p999_ns = 0;
  int64_t max_ns = 0;
};

// What a running client tells of itself.
struct ClientCounters {
  std::array<LatencySummary, phase_count> phases;  // by MessagePhase; of one read in phase_sampling
  LatencySummary read;          // from the kernel's completion to the last event of its messages
  uint64_t kernel_entries = 0;  // io_uring_enter
  // recv, send and poll (Network::sockets), and those of them that found nothing: a spin asks each
  // turn. These and kernel_entries are all system calls that a live client makes.
  uint64_t socket_calls = 0;
  uint64_t socket_calls_empty = 0;
  uint64_t turns = 0;
  Instant first_turn;  // known with the first event; the times of a recording count from it
  // From one turn's clock to the next, unless it slept between: for the inline client the caller's
  // own work is part of it.
  int64_t longest_turn_ns = 0;
  uint64_t turns_over_budget = 0;  // longer than turn_budget_ns (limits.hpp)
};

}  // namespace havklo
