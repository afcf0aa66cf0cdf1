// A preallocated ring between one producer thread and one consumer thread.
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
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/prefetch.hpp>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <type_traits>

namespace havklo {

inline constexpr size_t cache_line_bytes = 64;

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
  explicit SpscRing(size_t capacity)
      : owned_(make_slots(capacity)), slots_(owned_.get()), mask_(mask_of(capacity)) {}
  // On memory of the caller, which outlives the ring; best aligned to a cache line.
  explicit SpscRing(std::span<T> memory) : slots_(memory.data()), mask_(mask_of(memory.size())) {}
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  [[nodiscard]] size_t capacity() const { return size_t{mask_} + 1; }

  // Producer.

  // Slots that may be written; asks for the consumer's progress only if the known number is below
  // `wanted`.
  [[nodiscard]] size_t free_slots(size_t wanted) {
    // What publish() will write is in the cache of a consumer that waits for it. A store alone, or
    // a prefetch for one, takes it away and hands it back later than a store to what was read
    // before (bench/NOTES.md, "There and back").
    __builtin_prefetch(&tail_);
    size_t known = capacity() - distance(producer_.head_seen, producer_.tail);
    if (known < wanted) {
      // Pairs with the release in release(): what the consumer has read may be overwritten.
      producer_.head_seen = head_.value.load(std::memory_order_acquire);
      known = capacity() - distance(producer_.head_seen, producer_.tail);
    }
    return known;
  }
  // For a writer that fills slots by itself: the next one is slots()[first_unpublished() & mask],
  // and mask is capacity() - 1.
  [[nodiscard]] T* slots() { return slots_; }
  [[nodiscard]] Index first_unpublished() const { return producer_.tail; }
  // Makes the first `count` written slots visible; count <= free_slots().
  void publish(size_t count) {
    HAVKLO_ASSERT(distance(producer_.head_seen, producer_.tail) + count <= capacity());
    producer_.tail = static_cast<Index>(producer_.tail + count);
    // Pairs with the acquire in peek() and try_pop(): the slots are written before they are seen.
    tail_.value.store(producer_.tail, std::memory_order_release);
  }
  [[nodiscard]] bool try_push(const T& value) {
    if (free_slots(1) == 0) return false;
    slots_[producer_.tail & mask_] = value;
    publish(1);
    return true;
  }
  // Writes `count` in place, fill(slot, i) each, and makes them visible together; count <=
  // free_slots().
  template <class Fill>
  void push_batch(size_t count, Fill&& fill) {
    for (size_t done = 0; done < count;) {
      const size_t at = (producer_.tail + done) & mask_;
      T* const slots = slots_ + at;
      const size_t end = std::min(count, done + capacity() - at);
      for (size_t i = done; i < end; ++i) {
        T& slot = slots[i - done];
        prefetch_for_write(&slot, slots_ahead * sizeof(T));
        fill(slot, i);
      }
      done = end;
    }
    publish(count);
  }

  // Consumer.

  // What is ready and contiguous; the rest, past the end of memory, shows after release().
  [[nodiscard]] std::span<const T> peek() {
    if (consumer_.tail_seen == consumer_.head) {
      // Pairs with the release in publish().
      consumer_.tail_seen = tail_.value.load(std::memory_order_acquire);
    }
    const size_t ready = distance(consumer_.head, consumer_.tail_seen);
    const size_t at = consumer_.head & mask_;
    const size_t until_end = capacity() - at;
    return {slots_ + at, ready < until_end ? ready : until_end};
  }
  // Gives `count` peeked slots back to the producer.
  void release(size_t count) {
    HAVKLO_ASSERT(count <= distance(consumer_.head, consumer_.tail_seen));
    consumer_.head = static_cast<Index>(consumer_.head + count);
    // Pairs with the acquire in free_slots(): the slots are read before they are overwritten.
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
  // A batch's writer asks so many slots ahead for the line, which the reader had last: as far as a
  // line's way between two cores is long, when a slot is a line and writing it takes a few
  // nanoseconds.
  static constexpr size_t slots_ahead = 8;

  static Index mask_of(size_t capacity) {
    HAVKLO_ASSERT(is_valid_capacity(capacity));
    return static_cast<Index>(capacity - 1);
  }
  // Aligned, so that a slot as large as a line shares none with the slot that the other side is at.
  struct FreeSlots {
    void operator()(T* slots) const {
      ::operator delete[](slots, std::align_val_t{cache_line_bytes});
    }
  };
  static std::unique_ptr<T[], FreeSlots> make_slots(size_t capacity) {
    static_assert(alignof(T) <= cache_line_bytes);
    auto* const slots =
        static_cast<T*>(::operator new[](capacity * sizeof(T), std::align_val_t{cache_line_bytes}));
    std::uninitialized_value_construct_n(slots, capacity);
    return std::unique_ptr<T[], FreeSlots>(slots);
  }
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

  std::unique_ptr<T[], FreeSlots> owned_;
  T* slots_;
  Index mask_;
  SharedIndex head_;  // written by the consumer
  SharedIndex tail_;  // written by the producer
  Producer producer_;
  Consumer consumer_;
};

}  // namespace havklo
