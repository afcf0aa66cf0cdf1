// The running digest of an event stream in recordings of the formats 1 to 3, to read them.
//
// Definition (FORMAT.md): eight lanes of 64 bits; word j of an event (eight words, little-endian)
// goes to lane j: lane = rotl(lane ^ word, 29) * 0x9E3779B97F4A7C15. The digest mixes the lanes in
// pairs. Not cryptographic: it finds mistakes, not forgers.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <havklo/event.hpp>

namespace havklo::replay {

class OldEventDigest {
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
