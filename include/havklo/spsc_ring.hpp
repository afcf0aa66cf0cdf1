// A preallocated ring between one producer thread and one consumer thread, for records of any kind:
// commands. Events have one that is quicker (event_ring.hpp).
//
// Owns:       its slots (or borrows memory given to it: shared memory) and the two indices.
// Not owned:  waking: the consumer polls.
// Mechanism:  both indices only grow; slot = index & mask. Each side keeps a copy of the other's
//             index and reads the shared one only when its copy says that there is nothing left, so
//             the cache line travels once per batch.
// Threads:    push side: one; pop side: one.
// Invariants: 0 <= tail - head <= capacity, in the arithmetic of Index; so capacity is at most half
//             the range of Index.
// Cost:       a push or pop is a store and a load in the own cache; nothing is allocated after
//             construction.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/ring_slots.hpp>
#include <limits>
#include <span>
#include <type_traits>

namespace havklo {

// Index is a parameter so that a test can wrap it within 256 steps.
template <class T, class Index = uint64_t>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(std::is_unsigned_v<Index>);

 public:
  // A power of two, at most half of Index's range: everything else is refused, never rounded.
  [[nodiscard]] static constexpr bool is_valid_capacity(size_t capacity) {
    return std::has_single_bit(capacity) &&
           capacity <= size_t{std::numeric_limits<Index>::max()} / 2 + 1;
  }

  // `capacity` must be valid.
  explicit SpscRing(size_t capacity) : slots_(capacity) {
    HAVKLO_ASSERT(is_valid_capacity(capacity));
  }
  // On memory of the caller, which outlives the ring; best aligned to a cache line.
  explicit SpscRing(std::span<T> memory) : slots_(memory) {
    HAVKLO_ASSERT(is_valid_capacity(memory.size()));
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  [[nodiscard]] size_t capacity() const { return slots_.capacity(); }

  // Producer.

  // False: it is full.
  [[nodiscard]] bool try_push(const T& value) {
    if (distance(producer_.head_seen, producer_.tail) == capacity()) {
      // Pairs with the release in release(): what the consumer has read may be overwritten.
      producer_.head_seen = head_.value.load(std::memory_order_acquire);
      if (distance(producer_.head_seen, producer_.tail) == capacity()) return false;
    }
    *slots_.at(producer_.tail) = value;
    producer_.tail = static_cast<Index>(producer_.tail + 1);
    // Pairs with the acquire in peek(): the slot is written before it is seen.
    tail_.value.store(producer_.tail, std::memory_order_release);
    return true;
  }

  // Consumer.

  // What is ready and contiguous; the rest, past the end of memory, shows after release().
  [[nodiscard]] std::span<const T> peek() {
    if (consumer_.tail_seen == consumer_.head) {
      // Pairs with the release in try_push().
      consumer_.tail_seen = tail_.value.load(std::memory_order_acquire);
    }
    const size_t ready = distance(consumer_.head, consumer_.tail_seen);
    return {slots_.at(consumer_.head), std::min(ready, slots_.until_end(consumer_.head))};
  }
  // Gives `count` peeked slots back to the producer.
  void release(size_t count) {
    HAVKLO_ASSERT(count <= distance(consumer_.head, consumer_.tail_seen));
    consumer_.head = static_cast<Index>(consumer_.head + count);
    // Pairs with the acquire in try_push(): the slots are read before they are overwritten.
    head_.value.store(consumer_.head, std::memory_order_release);
  }
  [[nodiscard]] bool try_pop(T& value) {
    const std::span<const T> ready = peek();
    if (ready.empty()) return false;
    value = ready.front();
    release(1);
    return true;
  }

 private:
  static size_t distance(Index from, Index to) { return static_cast<Index>(to - from); }

  // A line each, so that neither side's stores disturb the other's reads.
  struct alignas(cache_line_bytes) SharedIndex {
    std::atomic<Index> value{0};
  };
  struct alignas(cache_line_bytes) Producer {
    Index tail = 0;
    Index head_seen = 0;
  };
  struct alignas(cache_line_bytes) Consumer {
    Index head = 0;
    Index tail_seen = 0;
  };

  RingSlots<T> slots_;
  SharedIndex head_;  // written by the consumer
  SharedIndex tail_;  // written by the producer
  Producer producer_;
  Consumer consumer_;
};

}  // namespace havklo
