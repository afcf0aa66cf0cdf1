// A shared connect budget in which others have taken every place until an instant that the test
// sets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/shared_connect_budget.hpp>

namespace havklo {

class TakenBudget final : public SharedConnectBudget {
 public:
  [[nodiscard]] Instant free_from(Instant earliest, uint32_t, Instant) override {
    ++asked;
    return std::max(earliest, until);
  }
  [[nodiscard]] Instant begin(uint32_t, Instant now) override {
    ++asked;
    return std::max(now, until);
  }

  Instant until;
  uint32_t asked = 0;
};

}  // namespace havklo
