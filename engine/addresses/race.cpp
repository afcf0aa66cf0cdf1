// A few rules of time, in one place.
#include "addresses/race.hpp"

#include <algorithm>

namespace havklo::addresses {

void AddressRace::begin(Instant now, Duration timeout) {
  *this = {};
  last_start_ = now;
  deadline_ = now + timeout;
  patience_ = {timeout.ns / 4};
}

void AddressRace::offer(const AddressOrder& order) {
  waiting_.clear();
  trusted_ = 0;
  for (size_t i = 0; i < order.endpoints.size(); ++i) {
    const Endpoint& endpoint = order.endpoints[i];
    if (std::ranges::find(started_, endpoint) != started_.end()) continue;
    waiting_.push_back(endpoint);
    if (i < order.trusted) ++trusted_;
  }
}

Instant AddressRace::wakes_at() const {
  if (waiting_.empty()) return Instant::never();
  if (running_.empty()) return last_start_;
  // What is left of the attempt, shared by those who wait and the one that began last.
  const auto sharers = static_cast<int64_t>(waiting_.size() + 1);
  const Duration share{std::max<int64_t>((deadline_ - last_start_).ns, 0) / sharers};
  if (running_.size() == runners_max) return last_start_ + share;
  const bool trusted_runs = std::ranges::any_of(running_, &Runner::trusted);
  if (trusted_ == 0 && trusted_runs) return last_start_ + std::min(patience_, share);
  return hurries_ ? last_start_ : last_start_ + std::min(stagger, share);
}

std::optional<AddressRace::Start> AddressRace::next(Instant now) {
  if (now < wakes_at()) return std::nullopt;
  Start start{.endpoint = waiting_.front(), .instead_of = std::nullopt};
  if (running_.size() == runners_max) {
    start.instead_of = running_.front().endpoint;
    running_.erase(running_.begin());
  }
  running_.push_back({.endpoint = start.endpoint, .began = now, .trusted = trusted_ != 0});
  started_.push_back(start.endpoint);
  waiting_.erase(waiting_.begin());
  if (trusted_ != 0) --trusted_;
  last_start_ = now;
  hurries_ = false;
  return start;
}

void AddressRace::fell(const Endpoint& endpoint) {
  std::erase_if(running_, [&](const Runner& each) { return each.endpoint == endpoint; });
  hurries_ = true;
}

std::vector<Endpoint> AddressRace::overdue(Instant now) const {
  std::vector<Endpoint> found;
  for (const Runner& each : running_) {
    if (now - each.began >= patience_) found.push_back(each.endpoint);
  }
  return found;
}

}  // namespace havklo::addresses
