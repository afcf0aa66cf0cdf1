// The connect budget of the model: attempts in any rolling window, places booked ahead by who
// waits.
//
// Written for being plainly right, not fast: every place that could be the first is tried.
#pragma once

#include <algorithm>
#include <havklo/clock.hpp>
#include <vector>

#include "model/words.hpp"

namespace havklo::model {

class Budget {
 public:
  Budget(uint32_t attempts, Duration window, Mistake mistake)
      : attempts_(attempts), window_(window), mistake_(mistake) {
    if (mistake == Mistake::budget_window_too_short) window_ = window_ - Duration::seconds(1);
  }

  // The first instant from `earliest` on at which one more attempt keeps every window.
  [[nodiscard]] Instant book(Instant earliest, Instant now) {
    forget(now);
    Instant first = Instant::never();
    for (const Instant candidate : candidates(earliest)) {
      if (candidate >= earliest && candidate < first && fits(candidate, now)) first = candidate;
    }
    insert(first);
    return first;
  }
  // The attempt that booked `place` would begin now. `now`: it may, and has. Else its next place.
  [[nodiscard]] Instant begin(Instant place, Instant now) {
    give_back(place);
    forget(now);
    const auto begun = std::ranges::count_if(places_, [now](Instant at) { return at <= now; });
    if (mistake_ != Mistake::budget_ignored && begun >= attempts_) return book(now, now);
    insert(now);
    return now;
  }
  void give_back(Instant place) {
    const auto found = std::ranges::find(places_, place);
    if (found != places_.end()) places_.erase(found);
  }
  // Begun in the last window, and booked; sorted.
  [[nodiscard]] const std::vector<Instant>& places() const { return places_; }
  void forget(Instant now) {
    std::erase_if(places_, [&](Instant at) { return at <= now - window_; });
  }

 private:
  void insert(Instant place) { places_.insert(std::ranges::upper_bound(places_, place), place); }
  [[nodiscard]] std::vector<Instant> candidates(Instant earliest) const {
    std::vector<Instant> all{earliest};
    for (const Instant place : places_) all.push_back(place + window_);
    return all;
  }
  [[nodiscard]] bool fits(Instant added, Instant now) const {
    if (mistake_ == Mistake::budget_ignored) return true;
    std::vector<Instant> with = places_;
    if (mistake_ == Mistake::budget_counts_what_began_only) {
      std::erase_if(with, [now](Instant at) { return at > now; });
    }
    const auto inserted = with.insert(std::ranges::upper_bound(with, added), added);
    const int64_t at = inserted - with.begin();
    // Windows without it are not its fault: who began late may have come close to who is booked.
    const auto size = static_cast<int64_t>(with.size());
    for (int64_t first = std::max(at - attempts_, int64_t{0}); first <= at; ++first) {
      const int64_t last = first + attempts_;
      if (last < size &&
          with[static_cast<size_t>(last)] - with[static_cast<size_t>(first)] < window_) {
        return false;
      }
    }
    return true;
  }

  int64_t attempts_;
  Duration window_;
  Mistake mistake_;
  std::vector<Instant> places_;
};

}  // namespace havklo::model
