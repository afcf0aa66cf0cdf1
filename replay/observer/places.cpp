// The rule of a rolling window, counted out.
#include "replay/observer/places.hpp"

#include <algorithm>

namespace havklo::replay {

void PlaceObserver::begin(uint32_t session, Instant now) {
  booked_[session].reset();
  begun_.push_back(now);
  while (begun_.front() + window_ <= now) begun_.pop_front();
}

size_t PlaceObserver::begun_within(Instant now) const {
  return static_cast<size_t>(
      std::ranges::count_if(begun_, [&](Instant each) { return each + window_ > now; }));
}

bool PlaceObserver::is_certain_for(uint32_t session, Instant now) const {
  for (uint32_t other = 0; other < booked_.size(); ++other) {
    if (other != session && booked_[other] && *booked_[other] <= now) return false;
  }
  return true;
}

// With it there may be no run of one more than the budget within a window.
bool PlaceObserver::fits(uint32_t session, Instant at) const {
  std::vector<Instant> places(begun_.begin(), begun_.end());
  for (uint32_t other = 0; other < booked_.size(); ++other) {
    if (other != session && booked_[other]) places.push_back(*booked_[other]);
  }
  places.push_back(at);
  std::ranges::sort(places);
  for (size_t first = 0; first + most_ < places.size(); ++first) {
    const Instant oldest = places[first];
    const Instant newest = places[first + most_];
    if (oldest <= at && at <= newest && newest - oldest < window_) return false;
  }
  return true;
}

}  // namespace havklo::replay
