// The running digest of an event stream: two runs that differ in one bit of one event differ here.
//
// Definition (FORMAT.md): four lanes of 16 bytes; an event is four times 16 bytes, and each is the
// key of one AES round of its lane. The value takes the lanes together by rounds. Not
// cryptographic: it finds mistakes, not forgers.
// Cost: a round and two loads for each 16 bytes, in four independent chains; six rounds for the
//       value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/event.hpp>

#include "replay/recording/aes_round.hpp"

namespace havklo::replay {

class EventDigest {
 public:
  void add(const Event& event) {
    static_assert(sizeof event == 4 * sizeof(AesBlock));
    const auto* bytes = reinterpret_cast<const std::byte*>(&event);
    for (size_t i = 0; i < lanes_.size(); ++i) lanes_[i].round(bytes + i * sizeof(AesBlock));
  }

  [[nodiscard]] uint64_t value() const {
    AesLane all = lanes_[0];
    for (size_t i = 1; i < lanes_.size(); ++i) all.round(lanes_[i]);
    // From one byte that differs to all sixteen takes two, from one bit to any half a third.
    all.round({1, 2});
    all.round({3, 4});
    all.round({5, 6});
    return all.low();
  }

 private:
  std::array<AesLane, 4> lanes_{AesLane{1, 2}, {3, 4}, {5, 6}, {7, 8}};
};

}  // namespace havklo::replay
