// How many connection attempts may begin in any rolling window; shared by the sessions of an engine
// that connect to the same venue.
//
// The venue bans an address for ten minutes after some 150 attempts in ten minutes (kraken-v2.md
// §11), so an attempt waits for its place rather than exceed. Places are booked ahead: a session
// that waits counts already.
// Threads:   loop thread.
// Cost:      O(attempts) for a booking, which happens once an attempt; allocates in its
//            constructor.
// Invariant: no window (t - window, t] holds more than `attempts` attempts that have begun. A turn
//            that comes late begins its attempt late, so begin() asks again: what was booked after
//            it may have to wait on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <havklo/assert.hpp>
#include <havklo/clock.hpp>
#include <vector>

namespace havklo {

struct ConnectBudgetSettings {
  uint32_t attempts = 120;
  Duration window = Duration::seconds(600);
};

class ConnectBudget {
 public:
  // Each of `waiters` waits for one place at most.
  ConnectBudget(const ConnectBudgetSettings& settings, uint32_t waiters) : settings_(settings) {
    HAVKLO_ASSERT(settings.attempts > 0);
    places_.reserve(size_t{2} * settings.attempts + waiters + 1);
  }

  [[nodiscard]] const ConnectBudgetSettings& settings() const { return settings_; }

  // Books the first place at or after `earliest`. `spare`: so many others stay free; fewer than
  // there are.
  [[nodiscard]] Instant reserve(Instant earliest, Instant now, uint32_t spare = 0) {
    forget_before(now - settings_.window);
    Instant place = earliest;
    for (uint32_t at = 0; at < places_.size(); ++at) {
      const Instant freed = conflict(place, spare);
      if (freed == place) break;
      place = freed;
    }
    HAVKLO_ASSERT(places_.size() < places_.capacity());
    places_.insert(std::ranges::upper_bound(places_, place), place);
    return place;
  }

  // The attempt that booked `place` would begin now, perhaps late. The answer is `now` when that
  // fits what has begun, and then its place is now; else it is the next place, booked instead.
  [[nodiscard]] Instant begin(Instant place, Instant now, uint32_t spare = 0) {
    cancel(place);
    forget_before(now - settings_.window);
    const auto begun = std::ranges::upper_bound(places_, now) - places_.begin();
    if (static_cast<uint32_t>(begun) >= settings_.attempts - spare) {
      return reserve(now, now, spare);
    }
    places_.insert(places_.begin() + begun, now);
    return now;
  }

  // The attempt that booked `place` may begin at `earliest`: its place moves there, or to the first
  // after it. Never to a later one, though a turn that came late has filled the window since.
  [[nodiscard]] Instant move_up(Instant place, Instant earliest, Instant now, uint32_t spare = 0) {
    cancel(place);
    const Instant sooner = reserve(earliest, now, spare);
    if (sooner <= place) return sooner;
    cancel(sooner);
    put_back(place);
    return place;
  }

  // Gives a place back whose attempt will not begin. One that was passed a window ago is forgotten.
  void cancel(Instant place) {
    const auto found = std::ranges::lower_bound(places_, place);
    if (found != places_.end() && *found == place) places_.erase(found);
  }

  // Undoes cancel().
  void put_back(Instant place) { places_.insert(std::ranges::lower_bound(places_, place), place); }

  // Attempts that wait, and will have begun within the window that ends at `place`; but for one
  // that has booked it.
  [[nodiscard]] uint32_t others_before(Instant place, Instant now) const {
    if (place <= now) return 0;
    const Instant since = std::max(now, place - settings_.window);
    const auto first = std::ranges::upper_bound(places_, since);
    const auto last = std::ranges::upper_bound(places_, place);
    const auto count = static_cast<uint32_t>(last - first);
    return count != 0 && *(last - 1) == place ? count - 1 : count;
  }

  [[nodiscard]] size_t booked() const { return places_.size(); }

 private:
  // `place` itself if it fits; else the next instant at which one of those in its way is forgotten.
  [[nodiscard]] Instant conflict(Instant place, uint32_t spare) const {
    // With `place` added, look at every run of attempts + 1 neighbours that contains it, or of
    // fewer where some are spared: none may lie within a window.
    const auto at = static_cast<size_t>(std::ranges::upper_bound(places_, place) - places_.begin());
    const size_t run = settings_.attempts - spare;  // existing neighbours that fill a window
    const size_t first = at > run ? at - run : 0;
    for (size_t begin = first; begin <= at && begin + run <= places_.size(); ++begin) {
      const Instant lowest = begin == at ? place : places_[begin];
      const size_t end = begin + run;
      const Instant highest = end == at ? place : places_[end - 1];
      const Instant last = std::max(highest, place);
      const Instant oldest = std::min(lowest, place);
      if (last - oldest < settings_.window) {
        // Beyond the window of the oldest in the way; past `place` in any case.
        const Instant freed = places_[begin] + settings_.window;
        return freed > place ? freed : places_[end - 1] + settings_.window;
      }
    }
    return place;
  }

  void forget_before(Instant limit) {
    const auto kept = std::ranges::upper_bound(places_, limit);
    places_.erase(places_.begin(), kept);
  }

  ConnectBudgetSettings settings_;
  std::vector<Instant> places_;  // sorted; begun and booked
};

}  // namespace havklo
