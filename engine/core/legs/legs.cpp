// The turn, and what the legs decide together.
#include "core/legs/legs.hpp"

#include <algorithm>
#include <bit>
#include <havklo/assert.hpp>
#include <havklo/random.hpp>
#include <limits>
#include <utility>

namespace havklo::core {

Legs::Legs(const Settings& settings, uint8_t number, const Shared& shared,
           std::span<AttemptPlaces* const> places, uint64_t seed,
           const websocket::ChaCha20Key& mask_secret)
    : shared_(shared),
      number_(number),
      trade_gaps_(settings.feed.trade_gaps),
      lag_warn_ns_(settings.feed.lag_warn ? settings.feed.lag_warn->ns
                                          : std::numeric_limits<int64_t>::max()),
      lag_max_(settings.leg_lag_max),
      rotate_after_(settings.rotate_after),
      company_(settings.circuit_breaker) {
  Random seeds(seed);
  for (uint8_t leg = 0; leg < settings.legs.size(); ++leg) {
    const uint64_t own = leg == 0 ? seed : seeds.next_u64();
    legs_.push_back(std::make_unique<Session>(settings, number, shared, *places[leg], own,
                                              mask_secret, Leg{this, leg}, &company_));
    lag_timers_[leg].is_for(TimerOwner::leg_lag, number, leg);
    rotation_timers_[leg].is_for(TimerOwner::leg_rotation, number, leg);
  }
  shared_.scratch.keep_old();
  holes_timer_.is_for(TimerOwner::trade_holes, number, 0);
  for (const SubscriptionSettings& each : settings.subscriptions) {
    for (const std::string& symbol : each.symbols) {
      want(each.channel, *shared_.symbols.intern(symbol),
           static_cast<uint16_t>(parameter_of(each)));
    }
  }
}

Legs::~Legs() {
  for (Timer& timer : lag_timers_) disarm(timer);
  for (Timer& timer : rotation_timers_) disarm(timer);
  disarm(holes_timer_);
}

void Legs::start(Instant now) {
  now_ = now;
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) touch(leg).start(now);
}

void Legs::on_command(const Command& command, Instant now) {
  now_ = now;
  if (closed_) return;
  to_end_ = (1U << legs_.size()) - 1;
  unsettled_ = true;
  switch (command.kind) {
    case Command::Kind::subscribe:
      return subscribe(command);
    case Command::Kind::unsubscribe:
      return unsubscribe(command);
    case Command::Kind::reconnect:
      // One after the other: settle() renews those that are Live.
      to_renew_ |= company_.live;
      for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
        if (!has(company_.live, leg)) legs_[leg]->on_command(command, now);
      }
      return;
    case Command::Kind::close:
      closing_ = true;
      for (const auto& leg : legs_) leg->on_command(command, now);
      return;
  }
}

void Legs::on_completion(const Completion& completion, Instant now) {
  now_ = now;
  const uint32_t leg = leg_of(completion.connection, true);
  if (leg < legs_.size()) touch(leg).on_completion(completion, now);
}

void Legs::on_timer(const Timer& timer, Instant now) {
  now_ = now;
  switch (timer.owner) {
    case TimerOwner::leg_lag:
      return on_lag_timer(timer.leg);
    case TimerOwner::leg_rotation:
      to_rotate_ |= 1U << timer.leg;
      unsettled_ = true;
      return;
    case TimerOwner::trade_holes:
      return;  // end_turn tells them
    default:
      return touch(timer.leg).on_timer(timer, now);
  }
}

bool Legs::end_turn(Instant now) {
  now_ = now;
  do {
    end_legs();
  } while (unsettled_ && settle());
  if (open_ && !closing_) {
    if (answers_wait_) resume_answers();
    if (books_wait_) resume_books();
    if (owes_all_clear_ && company_.live != 0 && !waits_with_all_clear()) {
      tell_all_clear(static_cast<uint32_t>(std::countr_zero(company_.live)));
    }
    if (holes_) resume_holes();
    if (lags_wait_) lags_wait_ = !tell_lags();
  }
  return to_end_ != 0 || waits_for_room();
}

void Legs::end_legs() {
  uint32_t goes_on = 0;
  for (; to_end_ != 0; to_end_ &= to_end_ - 1) {
    const auto leg = static_cast<uint32_t>(std::countr_zero(to_end_));
    if (legs_[leg]->end_turn(now_)) goes_on |= 1U << leg;
  }
  to_end_ = goes_on;
}

bool Legs::settle() {
  unsettled_ = false;
  if (closing_ || closed_) return false;
  const bool changed = std::exchange(changed_, false);
  if (changed) {
    for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
      touch(leg).tell(InputKind::others_changed, {}, now_);
    }
  }
  // The next of those that it may have let through.
  const bool probe_is_free = company_.breaker.state() == BreakerState::half_open &&
                             !company_.breaker.probe_in_flight() && company_.held != 0;
  changed_ = changed_ || (changed && probe_is_free);
  const bool gives_up = all_spent();
  if (gives_up) give_up();
  const bool acted = renew_next() || gives_up || changed;
  unsettled_ = unsettled_ || acted;
  return acted;
}

bool Legs::all_spent() const {
  return std::ranges::all_of(legs_, [](const auto& leg) { return leg->lifecycle().is_spent(); });
}

// ReconnectFailed and Closed are the session's: of the legs' own each leaves once.
void Legs::give_up() {
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    touch(leg).tell(InputKind::gave_up, {.reason = last_loss_}, now_);
  }
}

// Those that are renewed because their venue has announced maintenance: not if all have heard it.
uint32_t Legs::legs_in_maintenance() const {
  uint32_t announced = 0;
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    if (legs_[leg]->lifecycle().has_announced_maintenance()) announced |= 1U << leg;
  }
  announced &= company_.live;
  return announced == company_.live ? 0 : announced;
}

// One at a time, and never the only Live one.
bool Legs::renew_next() {
  const uint32_t live = company_.live;
  to_renew_ &= live;
  to_rotate_ &= live;
  if (renewing_ != nobody && !has(live, renewing_)) return false;
  renewing_ = nobody;
  const uint32_t maintenance = legs_in_maintenance();
  const uint32_t due = to_renew_ | to_rotate_ | maintenance;
  if (due == 0 || std::popcount(live) < 2) return false;
  renewing_ = static_cast<uint32_t>(std::countr_zero(due));
  const Reason reason = has(to_renew_, renewing_)     ? Reason::requested
                        : has(maintenance, renewing_) ? Reason::maintenance
                                                      : Reason::rotated;
  touch(renewing_).tell(InputKind::renewal, {.reason = reason}, now_);
  return true;
}

bool Legs::has_settled() const {
  return std::ranges::any_of(legs_, [](const auto& leg) { return leg->has_settled(); });
}

bool Legs::all_refused() const {
  if (company_.live == 0) return false;
  for (uint32_t leg = 0; leg < legs_.size(); ++leg) {
    if (has(greeted_, leg) && !legs_[leg]->all_refused()) return false;
  }
  return true;
}

// Of a session with a greeted leg nobody asks what the others wait for.
std::optional<Instant> Legs::place_waited_for() const {
  if (greeted_ != 0) return std::nullopt;
  std::optional<Instant> first;
  for (const auto& leg : legs_) {
    const auto place = leg->place_waited_for();
    if (!place) return std::nullopt;
    first = first ? std::min(*first, *place) : *place;
  }
  return first;
}

SessionCounters Legs::counters() const {
  SessionCounters all = counts_.read();
  for (const auto& leg : legs_) {
    const SessionCounters own = leg->counters();
    all.attempts += own.attempts;
    all.messages += own.messages;
  }
  return all;
}

bool Legs::depends_on_room() const {
  return waits_for_room() ||
         std::ranges::any_of(legs_, [](const auto& leg) { return leg->depends_on_room(); });
}

void Legs::arm(Timer& timer, Instant deadline) {
  disarm(timer);
  shared_.wheel.arm(timer, deadline);
}

void Legs::disarm(Timer& timer) {
  if (timer.armed()) shared_.wheel.cancel(timer);
}

void Legs::check_invariants() const {
  for (const auto& leg : legs_) leg->check_invariants();
  HAVKLO_ASSERT((company_.live & ~greeted_) == 0);
  HAVKLO_ASSERT(open_ == (greeted_ != 0) || closing_);
  HAVKLO_ASSERT(!restored_ || open_);
}

}  // namespace havklo::core
