// Method: single-threaded walks against a deque with an index that wraps every 256 steps, then two
// threads passing a numbered sequence (under ThreadSanitizer in CI).
#include <gtest/gtest.h>

#include <deque>
#include <havklo/random.hpp>
#include <havklo/spsc_ring.hpp>
#include <thread>

namespace havklo {
namespace {

TEST(SpscRing, RefusesACapacityThatItWouldHaveToRound) {
  EXPECT_FALSE((SpscRing<int>::is_valid_capacity(0)));
  EXPECT_FALSE((SpscRing<int>::is_valid_capacity(3)));
  EXPECT_TRUE((SpscRing<int>::is_valid_capacity(1)));
  EXPECT_TRUE((SpscRing<int, uint8_t>::is_valid_capacity(128)));
  EXPECT_FALSE((SpscRing<int, uint8_t>::is_valid_capacity(256)));
}

TEST(SpscRing, AgreesWithADequeWhileItsIndexWraps) {
  for (const size_t capacity : {1U, 2U, 8U, 128U}) {
    SpscRing<uint64_t, uint8_t> ring(capacity);
    std::deque<uint64_t> model;
    Random random(capacity);
    uint64_t next = 0;
    for (int step = 0; step < 20'000; ++step) {
      if (random.below(2) == 0) {
        for (uint64_t count = random.below(capacity + 2); count > 0; --count) {
          ASSERT_EQ(ring.try_push(next), model.size() < capacity);
          if (model.size() < capacity) model.push_back(next++);
        }
      } else {
        const auto ready = ring.peek();
        ASSERT_EQ(ready.empty(), model.empty());
        const size_t count = random.below(ready.size() + 1);
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(ready[i], model.front());
          model.pop_front();
        }
        ring.release(count);
      }
    }
  }
}

TEST(SpscRing, RefusesAPushWhenFullAndAPopWhenEmpty) {
  SpscRing<int> ring(2);
  int value = 0;
  EXPECT_FALSE(ring.try_pop(value));
  EXPECT_TRUE(ring.try_push(1));
  EXPECT_TRUE(ring.try_push(2));
  EXPECT_FALSE(ring.try_push(3));
  EXPECT_TRUE(ring.try_pop(value));
  EXPECT_EQ(value, 1);
  EXPECT_TRUE(ring.try_push(3));
}

TEST(SpscRing, LivesInMemoryGivenToIt) {
  std::array<int, 4> memory{};
  SpscRing<int> ring{std::span<int>(memory)};
  EXPECT_TRUE(ring.try_push(7));
  EXPECT_EQ(memory[0], 7);
}

TEST(SpscRing, PassesEverythingInOrderBetweenTwoThreads) {
  struct Record {
    std::array<uint64_t, 8> words;
  };
  constexpr uint64_t count = 300'000;
  SpscRing<Record, uint16_t> ring(256);
  std::thread producer([&ring] {
    for (uint64_t n = 0; n < count;) {
      if (ring.try_push({{n, n, n, n, n, n, n, n}})) {
        ++n;
      } else {
        std::this_thread::yield();
      }
    }
  });
  uint64_t expected = 0;
  while (expected < count) {
    const auto ready = ring.peek();
    if (ready.empty()) std::this_thread::yield();
    for (const Record& record : ready) {
      for (const uint64_t word : record.words) EXPECT_EQ(word, expected);
      ++expected;
    }
    ring.release(ready.size());
  }
  producer.join();
}

}  // namespace
}  // namespace havklo
