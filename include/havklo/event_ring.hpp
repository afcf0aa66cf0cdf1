// A preallocated ring between one producer thread and one consumer thread, for records that carry
// their own number: events.
//
// Owns:       its slots (or borrows memory given to it: shared memory) and the two indices.
// Not owned:  waking: the consumer polls.
// Mechanism:  a record's number is stored last, and the consumer finds the next record by it: its
//             slot holds a number above all that were released only when a new record is there,
//             whole. So one cache line travels for a record, its own. An index that one side writes
//             for each record while the other waits for it is a second line, fetched and taken back
//             each time (bench/NOTES.md, "A record's own number"); the producer's is read only by a
//             consumer that is behind, to learn of many records at once.
// Threads:    push side: one; pop side: one.
// Invariants: numbers begin above 0 and grow, for as long as the ring lives. Between the consumer's
//             index and the producer's lie at most `capacity` records. Memory that is given holds
//             zeros.
// Cost:       a push copies a record and stores two words more; a pop is a load and a copy. Nothing
//             is allocated after construction.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/assert.hpp>
#include <havklo/event.hpp>
#include <havklo/prefetch.hpp>
#include <havklo/ring_slots.hpp>
#include <span>
#include <type_traits>

namespace havklo {

// T::sequence, its first member, is the number.
template <class T>
class NumberedRing {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(sizeof(T) % sizeof(uint64_t) == 0);
  static_assert(offsetof(T, sequence) == 0 && sizeof(T::sequence) == sizeof(uint64_t));

 public:
  // A power of two: everything else is refused, never rounded.
  [[nodiscard]] static constexpr bool is_valid_capacity(size_t capacity) {
    return std::has_single_bit(capacity);
  }

  // `capacity` must be valid.
  explicit NumberedRing(size_t capacity) : slots_(capacity) {}
  // On memory of the caller, which outlives the ring; best aligned to a cache line.
  explicit NumberedRing(std::span<T> memory) : slots_(memory) {}
  NumberedRing(const NumberedRing&) = delete;
  NumberedRing& operator=(const NumberedRing&) = delete;

  [[nodiscard]] size_t capacity() const { return slots_.capacity(); }

  // Producer.

  // Slots that may be written; asks for the consumer's progress only if the known number is below
  // `wanted`.
  [[nodiscard]] size_t free_slots(size_t wanted) {
    size_t known = capacity() - (producer_.tail - producer_.head_seen);
    if (known < wanted) {
      // Pairs with the release in release(): what the consumer has read may be overwritten.
      producer_.head_seen = head_.value.load(std::memory_order_acquire);
      known = capacity() - (producer_.tail - producer_.head_seen);
    }
    return known;
  }
  // False: it is full.
  [[nodiscard]] bool try_push(const T& record) {
    if (free_slots(1) == 0) return false;
    push({&record, 1});
    return true;
  }
  // All become visible together; at most free_slots() of them.
  void push(std::span<const T> records) {
    if (records.empty()) return;
    push_batch(records.size(), [records](T& slot, size_t i) {
      constexpr size_t begin = sizeof(T::sequence);
      std::memcpy(reinterpret_cast<std::byte*>(&slot) + begin,
                  reinterpret_cast<const std::byte*>(&records[i]) + begin, sizeof(T) - begin);
      return records[i].sequence;
    });
  }
  // The same in place: fill(slot, i) writes all of a record but its number, and returns that. The
  // first comes last: it is the one that the consumer looks for, and until it is there, only its
  // line is read by both.
  template <class Fill>
  void push_batch(size_t count, Fill&& fill) {
    HAVKLO_ASSERT(count > 0 && producer_.tail - producer_.head_seen + count <= capacity());
    uint64_t last = 0;
    const auto write = [this, &fill, &last, count](size_t i) {
      T& slot = *slots_.at(producer_.tail + i);
      const uint64_t number = fill(slot, i);
      HAVKLO_ASSERT(number > producer_.number);
      if (i + 1 == count) last = number;
      // Pairs with the acquire in is_new(): the record is written before its number is seen.
      std::atomic_ref(slot.sequence).store(number, std::memory_order_release);
    };
    for (size_t i = 1; i < count; ++i) {
      // But not the line after the batch, at which the consumer waits for the next.
      if (i + slots_ahead != count) prefetch_for_write(slots_.at(producer_.tail + i + slots_ahead));
      write(i);
    }
    write(0);
    producer_.number = last;
    producer_.tail += count;
    // Pairs with the acquire in peek(): all are written before they are counted.
    tail_.value.store(producer_.tail, std::memory_order_release);
  }

  // The consumer has not released everything yet, as far as can be seen from here.
  [[nodiscard]] bool has_unread() const {
    return head_.value.load(std::memory_order_acquire) != producer_.tail;
  }

  // Consumer.

  // What is ready and contiguous; the rest shows after release().
  [[nodiscard]] std::span<const T> peek() {
    const size_t until_end = slots_.until_end(consumer_.head);
    const size_t looked_at = std::min(looked_at_by_number, until_end);
    while (consumer_.ready < looked_at && is_new(consumer_.head + consumer_.ready))
      ++consumer_.ready;
    if (consumer_.ready == looked_at_by_number) {
      const uint64_t tail = tail_.value.load(std::memory_order_acquire);
      // It may be behind the numbers.
      const uint64_t end = std::max(consumer_.head + consumer_.ready, tail);
      consumer_.ready = std::min<uint64_t>(end - consumer_.head, until_end);
    }
    return {slots_.at(consumer_.head), consumer_.ready};
  }
  // Gives `count` peeked slots back to the producer.
  void release(size_t count) {
    HAVKLO_ASSERT(count <= consumer_.ready);
    if (count == 0) return;
    consumer_.ready -= count;
    consumer_.head += count;
    consumer_.number = slots_.at(consumer_.head - 1)->sequence;
    // Pairs with the acquire in free_slots(): the slots are read before they are overwritten.
    head_.value.store(consumer_.head, std::memory_order_release);
  }
  [[nodiscard]] bool try_pop(T& record) {
    if (consumer_.ready == 0) {
      if (!is_new(consumer_.head)) return false;
      consumer_.ready = 1;
    }
    record = *slots_.at(consumer_.head);
    release(1);
    return true;
  }

 private:
  // A batch's writer asks so many slots ahead for the line, which the consumer had last.
  static constexpr size_t slots_ahead = 8;
  // As many are found by their numbers, which is all of nearly every message. When they are all
  // there, there may be many more, and the producer's index tells of them.
  static constexpr size_t looked_at_by_number = 8;

  // Else the slot has the record of the round before, whose number is no higher than the last
  // released one's.
  [[nodiscard]] bool is_new(uint64_t index) {
    return std::atomic_ref(slots_.at(index)->sequence).load(std::memory_order_acquire) >
           consumer_.number;
  }

  // Lines of their own, so that neither side's stores disturb the other's reads.
  struct alignas(cache_line_bytes) SharedIndex {
    std::atomic<uint64_t> value{0};
  };
  struct alignas(cache_line_bytes) Producer {
    uint64_t tail = 0;
    uint64_t head_seen = 0;
    uint64_t number = 0;  // of the last record
  };
  struct alignas(cache_line_bytes) Consumer {
    uint64_t head = 0;
    uint64_t ready = 0;   // from there on
    uint64_t number = 0;  // of the last one released
  };

  RingSlots<T> slots_;
  SharedIndex head_;  // written by the consumer
  SharedIndex tail_;  // written by the producer
  Producer producer_;
  Consumer consumer_;
};

using EventRing = NumberedRing<Event>;

}  // namespace havklo
