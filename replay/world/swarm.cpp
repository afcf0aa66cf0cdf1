// The mask, and which fault belongs to which family.
#include "replay/world/swarm.hpp"

namespace havklo::replay {
namespace {

constexpr uint64_t masked_percent = 65;

}  // namespace

// A quarter, a half or three quarters of all features stay: pairs and triples meet alone, too.
Swarm::Swarm(uint64_t seed) : random_(seed), masked_(chance(masked_percent)) {
  const uint64_t stays = one_of<uint64_t>({25, 50, 75});
  for (size_t feature = 0; feature < feature_count; ++feature) {
    const bool drawn = chance(stays);
    on_[feature] = !masked_ || drawn;
  }
}

Feature family_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::resolve:
    case FaultKind::refuse:
    case FaultKind::blackhole:
    case FaultKind::tls:
      return Feature::opening_faults;
    case FaultKind::http:
    case FaultKind::bad_accept:
      return Feature::upgrade_faults;
    case FaultKind::silent_greeting:
    case FaultKind::silent_acks:
    case FaultKind::dead_subscription:
    case FaultKind::silent_heartbeat:
    case FaultKind::silent_data:
      return Feature::silence;
    case FaultKind::late_acks:
      return Feature::late_answers;
    case FaultKind::rate_exceeded:
      return Feature::rate_refusals;
    case FaultKind::reject_symbol:
      return Feature::rejections;
    case FaultKind::bad_checksum:
    case FaultKind::crossed_book:
      return Feature::wrong_books;
    case FaultKind::stall:
    case FaultKind::deaf:
      return Feature::stalls;
    case FaultKind::chunk:
    case FaultKind::drip:
      return Feature::pieces;
    case FaultKind::reset:
    case FaultKind::end_of_stream:
    case FaultKind::close:
      return Feature::cuts;
    case FaultKind::message:
    case FaultKind::violation:
      return Feature::rubbish;
    case FaultKind::ping:
      return Feature::pings;
    case FaultKind::status:
      return Feature::statuses;
    case FaultKind::lost_trades:
    case FaultKind::doubled_trades:
    case FaultKind::short_trades:
    case FaultKind::unreadable_trades:
      return Feature::other_channels;
  }
  return Feature::cuts;
}

}  // namespace havklo::replay
