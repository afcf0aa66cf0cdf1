// The running digest of an event stream: two runs that differ in one bit of one event differ here.
//
// Definition (FORMAT.md): four lanes of 64 bits; word j of an event (eight words, little-endian)
// goes to lane j mod 4: lane = rotl(lane ^ word, 29) * 0x9E3779B97F4A7C15. The digest mixes the
// lanes. Not cryptographic: it finds mistakes, not forgers.
// Cost: eight multiplications an event, in four independent chains.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <havklo/event.hpp>

namespace havklo::replay {

class EventDigest {
 public:
  void add(const Event& event) {
    std::array<uint64_t, 8> words;
    static_assert(sizeof words == sizeof event);
    std::memcpy(words.data(), static_cast<const void*>(&event), sizeof words);
    for (size_t i = 0; i < words.size(); ++i) {
      uint64_t& lane = lanes_[i % lanes_.size()];
      lane = std::rotl(lane ^ words[i], 29) * multiplier;
    }
  }

  [[nodiscard]] uint64_t value() const {
    uint64_t mixed = 0;
    for (const uint64_t lane : lanes_) mixed = std::rotl(mixed ^ lane, 31) * multiplier;
    return mixed ^ (mixed >> 32U);
  }

 private:
  static constexpr uint64_t multiplier = 0x9E3779B97F4A7C15U;
  std::array<uint64_t, 4> lanes_{1, 2, 3, 4};
};

}  // namespace havklo::replay
