// Method: single-threaded walks against a deque, over many rounds of the memory; then two threads
// passing numbered records in every way there is (under ThreadSanitizer in CI).
#include <gtest/gtest.h>

#include <deque>
#include <havklo/event_ring.hpp>
#include <havklo/random.hpp>
#include <thread>
#include <vector>

namespace havklo {
namespace {

struct Record {
  uint64_t sequence = 0;
  std::array<uint64_t, 7> words{};

  static Record of(uint64_t number) {
    return {number, {number, number, number, number, number, number, number}};
  }
  [[nodiscard]] bool is_whole() const {
    return std::ranges::all_of(words, [this](uint64_t word) { return word == sequence; });
  }
};
using Ring = NumberedRing<Record>;

TEST(EventRing, RefusesACapacityThatItWouldHaveToRound) {
  EXPECT_FALSE(Ring::is_valid_capacity(0));
  EXPECT_FALSE(Ring::is_valid_capacity(3));
  EXPECT_TRUE(Ring::is_valid_capacity(1));
  EXPECT_TRUE(Ring::is_valid_capacity(4'096));
}

// Numbers have holes, as an Overrun leaves them.
TEST(EventRing, AgreesWithADeque) {
  for (const size_t capacity : {1U, 2U, 8U, 128U}) {
    SCOPED_TRACE(capacity);
    Ring ring(capacity);
    std::deque<uint64_t> model;
    Random random(capacity);
    uint64_t number = 0;
    const auto next_record = [&] {
      number += 1 + (random.below(8) == 0 ? random.below(1'000) : 0);
      model.push_back(number);
      return Record::of(number);
    };
    for (int step = 0; step < 20'000; ++step) {
      switch (random.below(4)) {
        case 0: {
          const size_t room = ring.free_slots(capacity);
          ASSERT_EQ(room, capacity - model.size());
          std::vector<Record> records(random.below(room + 1));
          for (Record& record : records) record = next_record();
          ring.push(records);
          break;
        }
        case 1: {
          const bool fits = model.size() < capacity;
          const Record record = fits ? next_record() : Record::of(number + 1);
          ASSERT_EQ(ring.try_push(record), fits);
          break;
        }
        case 2: {
          Record record;
          ASSERT_EQ(ring.try_pop(record), !model.empty());
          if (model.empty()) break;
          ASSERT_EQ(record.sequence, model.front());
          ASSERT_TRUE(record.is_whole());
          model.pop_front();
          break;
        }
        default: {
          const auto ready = ring.peek();
          ASSERT_EQ(ready.empty(), model.empty());
          ASSERT_LE(ready.size(), model.size());
          const size_t count = random.below(ready.size() + 1);
          for (size_t i = 0; i < ready.size(); ++i) {
            ASSERT_EQ(ready[i].sequence, model[i]);
            ASSERT_TRUE(ready[i].is_whole());
          }
          model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(count));
          ring.release(count);
        }
      }
    }
  }
}

TEST(EventRing, ShowsAllThatIsReadyUpToTheEndOfItsMemory) {
  Ring ring(8);
  std::vector<Record> records;
  for (uint64_t number = 1; number <= 8; ++number) records.push_back(Record::of(number));
  ring.push(std::span(records).first(5));
  EXPECT_EQ(ring.peek().size(), 5U);
  ring.release(4);
  ASSERT_EQ(ring.free_slots(8), 7U);
  ring.push(std::span(records).subspan(5));
  EXPECT_EQ(ring.peek().size(), 4U);
  ring.push(std::vector{Record::of(9), Record::of(10)});
  EXPECT_EQ(ring.peek().size(), 4U);
  ring.release(4);
  EXPECT_EQ(ring.peek().size(), 2U);
}

TEST(EventRing, WritesInPlaceWhatABatchFills) {
  Ring ring(16);
  ring.push_batch(5, [](Record& slot, size_t i) {
    slot.words = Record::of(10 + i).words;
    return 10 + i;
  });
  const auto ready = ring.peek();
  ASSERT_EQ(ready.size(), 5U);
  for (size_t i = 0; i < ready.size(); ++i) {
    EXPECT_EQ(ready[i].sequence, 10 + i);
    EXPECT_TRUE(ready[i].is_whole());
  }
}

TEST(EventRing, LivesInMemoryGivenToIt) {
  std::array<Record, 4> memory{};
  Ring ring{std::span<Record>(memory)};
  EXPECT_TRUE(ring.try_push(Record::of(7)));
  EXPECT_EQ(memory[0].sequence, 7U);
}

TEST(EventRingDeathTest, RefusesANumberThatItsConsumerWouldNotFind) {
  Ring ring(4);
  ASSERT_TRUE(ring.try_push(Record::of(7)));
  EXPECT_DEATH(static_cast<void>(ring.try_push(Record::of(7))), "number");
}

// Records one by one and in batches of all sizes on one side, popped and peeked at on the other.
TEST(EventRing, PassesEverythingInOrderBetweenTwoThreads) {
  constexpr uint64_t count = 100'000;
  Ring ring(64);
  std::thread producer([&ring] {
    Random random(1);
    for (uint64_t number = 0; number < count;) {
      const uint64_t wanted = std::min(1 + random.below(16), count - number);
      if (ring.free_slots(wanted) < wanted) {
        std::this_thread::yield();
      } else if (wanted == 1) {
        static_cast<void>(ring.try_push(Record::of(++number)));
      } else {
        ring.push_batch(wanted, [number](Record& slot, size_t i) {
          slot.words = Record::of(number + i + 1).words;
          return number + i + 1;
        });
        number += wanted;
      }
    }
  });
  Random random(2);
  uint64_t expected = 1;
  bool right = true;
  while (expected <= count) {
    Record record;
    if (random.below(2) == 0) {
      if (!ring.try_pop(record)) {
        std::this_thread::yield();
        continue;
      }
      right = right && record.is_whole() && record.sequence == expected++;
      continue;
    }
    const auto ready = ring.peek();
    if (ready.empty()) std::this_thread::yield();
    const size_t taken = random.below(ready.size() + 1);
    for (const Record& each : ready.first(taken))
      right = right && each.is_whole() && each.sequence == expected++;
    ring.release(taken);
    if (!right) break;
  }
  EXPECT_TRUE(right) << expected;
  producer.join();
}

// A record as large as a line lies on one; nothing but the figures would tell otherwise.
TEST(EventRing, BeginsItsSlotsOnACacheLine) {
  for (const size_t capacity : {1U, 4U, 4'096U}) {
    Ring ring(capacity);
    ASSERT_TRUE(ring.try_push(Record::of(1)));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(ring.peek().data()) % cache_line_bytes, 0U);
  }
}

}  // namespace
}  // namespace havklo
