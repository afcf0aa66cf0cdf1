// The digest of events: its round is that of the standard, and it misses no difference.
#include "replay/recording/event_digest.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <havklo/random.hpp>
#include <set>

namespace havklo::replay {
namespace {

AesBlock block(const std::array<uint8_t, 16>& bytes) {
  AesBlock made;
  std::memcpy(&made.low, bytes.data(), 8);
  std::memcpy(&made.high, bytes.data() + 8, 8);
  return made;
}

// FIPS 197, appendix B: the state at the start of round 1, its key, the state at the start of 2.
TEST(AesRound, IsThatOfItsStandard) {
  const AesBlock state = block({0x19, 0x3d, 0xe3, 0xbe, 0xa0, 0xf4, 0xe2, 0x2b,  //
                                0x9a, 0xc6, 0x8d, 0x2a, 0xe9, 0xf8, 0x48, 0x08});
  const AesBlock key = block({0xa0, 0xfa, 0xfe, 0x17, 0x88, 0x54, 0x2c, 0xb1,  //
                              0x23, 0xa3, 0x39, 0x39, 0x2a, 0x6c, 0x76, 0x05});
  const AesBlock next = block({0xa4, 0x9c, 0x7f, 0xf2, 0x68, 0x9f, 0x35, 0x2b,  //
                               0x6b, 0x5b, 0xea, 0x43, 0x02, 0x6a, 0x50, 0x49});
  EXPECT_EQ(aes_round(state, key), next);
}

TEST(AesRound, IsTheSameInARegister) {
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const AesBlock state{random.next_u64(), random.next_u64()};
    const AesBlock key{random.next_u64(), random.next_u64()};
    AesLane lane(state.low, state.high);
    lane.round({key.low, key.high});
    EXPECT_EQ(lane.low(), aes_round(state, key).low);
    const AesBlock twice = aes_round(aes_round(state, key), state);
    std::array<std::byte, 16> bytes;
    std::memcpy(bytes.data(), &state, bytes.size());
    lane.round(bytes.data());
    EXPECT_EQ(lane.low(), twice.low);
  }
}

Event some_event(uint64_t seed) {
  Random random(seed);
  Event event = Event::make(EventKind::book_update);
  event.sequence = random.next_u64();
  for (uint64_t& word : event.payload.words) word = random.next_u64();
  return event;
}

// Of a recording format: it may never change.
TEST(EventDigest, HasItsValue) {
  EventDigest digest;
  EXPECT_EQ(digest.value(), 17'348'873'682'445'443'877u);
  Event event = Event::make(EventKind::heartbeat);
  event.sequence = 1;
  event.time = Instant{2};
  digest.add(event);
  EXPECT_EQ(digest.value(), 16'023'430'205'442'245'420u);
}

// In either half, as turns keep only the low one; also when other events come behind.
TEST(EventDigest, DiffersForEachBitOfAnEvent) {
  for (const uint64_t behind : {0U, 1U, 3U}) {
    std::set<uint32_t> low;
    std::set<uint64_t> whole;
    constexpr size_t bits = sizeof(Event) * 8;
    for (size_t bit = 0; bit <= bits; ++bit) {  // the last: none
      Event event = some_event(1);
      std::array<std::byte, sizeof(Event)> bytes;
      std::memcpy(bytes.data(), static_cast<const void*>(&event), bytes.size());
      if (bit < bits) bytes[bit / 8] ^= std::byte{1} << bit % 8;
      std::memcpy(static_cast<void*>(&event), bytes.data(), bytes.size());
      EventDigest digest;
      digest.add(event);
      for (uint64_t i = 0; i < behind; ++i) digest.add(some_event(2 + i));
      low.insert(static_cast<uint32_t>(digest.value()));
      whole.insert(digest.value());
    }
    EXPECT_EQ(low.size(), bits + 1) << behind;
    EXPECT_EQ(whole.size(), bits + 1) << behind;
  }
}

TEST(EventDigest, DiffersByOrderAndByNumber) {
  EventDigest one_two;
  EventDigest two_one;
  EventDigest one;
  one_two.add(some_event(1));
  one_two.add(some_event(2));
  two_one.add(some_event(2));
  two_one.add(some_event(1));
  one.add(some_event(1));
  EXPECT_NE(one_two.value(), two_one.value());
  EXPECT_NE(one_two.value(), one.value());
}

}  // namespace
}  // namespace havklo::replay
