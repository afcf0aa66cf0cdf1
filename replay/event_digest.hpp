// The running digest of an event stream: two runs that differ in one bit of one event differ here.
//
// Definition (FORMAT.md): eight lanes of 64 bits; word j of an event (eight words, little-endian)
// goes to lane j: lane = rotl(lane ^ word, 29) * 0x9E3779B97F4A7C15. The digest mixes the lanes in
// pairs. Not cryptographic: it finds mistakes, not forgers.
// Cost: eight multiplications an event, in eight independent chains; seven for the value. Measured
//       some 7 ns an event and as much for the value. Words are read one by one, as they were
//       written a moment ago: wider reads would wait until those have left the store buffer (three
//       times the cost when an event was copied to the stack and read from there in vectors).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/event.hpp>

namespace havklo::replay {

class EventDigest {
 public:
  void add(const Event& event) {
    static_assert(sizeof lanes_ == sizeof event);
    const auto* bytes = reinterpret_cast<const std::byte*>(&event);
    for (size_t i = 0; i < lanes_.size(); ++i) {
      uint64_t word = 0;
      std::memcpy(&word, bytes + i * sizeof word, sizeof word);
      lanes_[i] = std::rotl(lanes_[i] ^ word, 29) * multiplier;
    }
  }

  [[nodiscard]] uint64_t value() const {
    std::array<uint64_t, 4> pairs;
    for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = mix(lanes_[i], lanes_[i + 4]);
    const uint64_t mixed = mix(mix(pairs[0], pairs[2]), mix(pairs[1], pairs[3]));
    return mixed ^ (mixed >> 32U);
  }

 private:
  static constexpr uint64_t multiplier = 0x9E3779B97F4A7C15U;
  static uint64_t mix(uint64_t one, uint64_t other) {
    return (one ^ std::rotl(other, 31)) * multiplier;
  }

  std::array<uint64_t, 8> lanes_{1, 2, 3, 4, 5, 6, 7, 8};
};

}  // namespace havklo::replay
