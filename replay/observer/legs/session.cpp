// The doors: what the legs' connections do.
#include "replay/observer/legs/session.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/connection_id.hpp"

namespace havklo::replay {

LegsObserver::LegsObserver(const Settings& settings, uint16_t number, const Names& names,
                           const MarketTruth& truth, std::vector<Place> places, Verdict& verdict,
                           OutageHistograms& figures)
    : settings_(settings),
      number_(number),
      places_(std::move(places)),
      verdict_(verdict),
      figures_(figures),
      books_(settings, number, names, truth, legs_, verdict),
      trades_(settings, number, names, truth, legs_, verdict) {
  for (size_t i = 0; i < settings.legs.size(); ++i) legs_.emplace_back(truth);
}

SeenLeg* LegsObserver::leg_of(ConnectionId id) {
  const uint32_t number = core::leg_of(id, true);
  return number < legs_.size() ? &legs_[number] : nullptr;
}

uint32_t LegsObserver::number_of(const SeenLeg& leg) const {
  uint32_t number = 0;
  while (&legs_[number] != &leg) ++number;
  return number;
}

void LegsObserver::begin_turn(bool) {}

void LegsObserver::on_command(const Command& command, Instant now) {
  if (closed_ || close_asked_) return;
  books_.on_command(command);
  trades_.on_command(command);
  if (command.kind == Command::Kind::close) close_asked_ = now;
  if (command.kind != Command::Kind::reconnect) return;
  for (uint32_t number = 0; SeenLeg & leg : legs_) {
    if (leg.live) leg.renewal_asked = true;
    if (leg.seen == SeenLeg::Seen::waiting) {
      leg.cut_short = true;
      places_[number].places->move(places_[number].number);
      places_[number].places->others().set_moving(true);
    }
    ++number;
  }
  if (live_legs(legs_) == 1) reach(Sometime::renewal_of_the_only_live_one_waits);
}

void LegsObserver::on_open(ConnectionId id, const OpenRequest& request, Instant now) {
  SeenLeg* const leg = leg_of(id);
  if (leg == nullptr) return violate(Invariant::transport_contract, now, "of no leg");
  const uint32_t number = number_of(*leg);
  if (leg->wire_open) violate(Invariant::transport_contract, now, "a second stream of a leg");
  if (request.timeout != settings_.timeouts.connect_timeout) {
    violate(Invariant::transport_contract, now, "the attempt has another connect_timeout");
  }
  // What max_attempts has ended goes on when another is Live.
  const bool others_live = live_legs(legs_) != 0;
  const bool was_spent =
      leg->seen == SeenLeg::Seen::lost && settings_.reconnect.max_attempts && others_live;
  if (leg->seen != SeenLeg::Seen::waiting && leg->seen != SeenLeg::Seen::idle && !was_spent) {
    violate(Invariant::leg_order, now, fmt::format("leg {} begins without a wait", number));
  }
  // The breaker has closed; or the places that were left for one in greater need are its own now.
  const bool freed = (leg->waits_for == WaitsFor::breaker && breaker_ != Breaker::open) ||
                     (leg->waits_for == WaitsFor::budget && !others_live);
  if (leg->seen == SeenLeg::Seen::waiting && now < leg->due && !leg->cut_short && !freed) {
    violate(
        Invariant::wait_kept, now,
        fmt::format("leg {} begins {} ns before its announced time", number, (leg->due - now).ns));
  }
  if (breaker_ == Breaker::open && !others_live) {
    violate(Invariant::one_probe, now, "an attempt while the breaker is open");
  }
  PlaceObserver& places = *places_[number].places;
  if (!places.others().take_grant() || places.others().take_untold()) {
    violate(Invariant::connect_budget, now, "an attempt for which others leave no place");
  }
  places.begin(places_[number].number, now);
  const uint32_t last_tenth = places.most() / 10;
  if (others_live && places.begun_within(now) > places.most() - last_tenth) {
    violate(Invariant::leg_budget, now,
            fmt::format("attempt {} of {} in the window, and another leg is Live",
                        places.begun_within(now), places.most()));
  }
  if (others_live && last_tenth != 0) reach(Sometime::leg_leaves_the_last_tenth);
  for (const SeenLeg& other : legs_) {
    const bool waits = &other != leg && other.seen == SeenLeg::Seen::waiting &&
                       other.waits_for == WaitsFor::breaker;
    if (waits && breaker_ == Breaker::half_open) reach(Sometime::probe_while_another_leg_waits);
  }
  leg->seen = SeenLeg::Seen::attempting;
  leg->wire_open = true;
  leg->greeting_told = leg->cut_short = leg->renewal_asked = false;
  leg->requests_seen = 0;
  leg->wire.begin(id, now);
  leg->told.begin();
}

void LegsObserver::on_send(ConnectionId id, std::span<const std::byte> bytes, Instant now) {
  SeenLeg* const leg = leg_of(id);
  if (leg == nullptr || !leg->wire_open || id != leg->wire.id) {
    return violate(Invariant::transport_contract, now, "bytes for a stream that is not open");
  }
  leg->wire.on_sent(bytes, now);
  if (leg->wire.requests.size() > leg->requests_seen && !leg->greeted()) {
    violate(Invariant::subscription_order, now, "a request before the greeting");
  }
  leg->requests_seen = leg->wire.requests.size();
}

void LegsObserver::on_close(ConnectionId id, Instant now) {
  SeenLeg* const leg = leg_of(id);
  if (leg == nullptr || !leg->wire_open || id != leg->wire.id) {
    return violate(Invariant::transport_contract, now, "a stream is closed twice");
  }
  leg->wire_open = false;
}

void LegsObserver::on_greeting_told(ConnectionId id, Instant now) {
  SeenLeg* const leg = leg_of(id);
  if (leg == nullptr || id != leg->wire.id || leg->greeting_told) {
    return violate(Invariant::transport_contract, now, "the network is told of no greeting");
  }
  leg->greeting_told = true;
}

void LegsObserver::on_delivered(const Completion& completion, Instant now) {
  SeenLeg* const leg = leg_of(completion.connection);
  if (leg == nullptr || !leg->wire_open || completion.connection != leg->wire.id) return;
  const bool read = leg->wire.goodbye_code == 0 && leg->wire.close_code == 0;
  leg->wire.on_delivered(completion, now);
  if (!read) {  // nobody hears it any more
    leg->wire.answers.clear();
    leg->wire.books.clear();
    leg->wire.trades.clear();
    return;
  }
  leg->wire.book_updates.clear();
  leg->told.read(leg->wire);
  books_.on_read(now);
  trades_.on_read(number_of(*leg), leg->wire, now);
}

void LegsObserver::on_overrun(const Event& event) {
  books_.on_overrun(event);
  trades_.on_overrun(event);
}

std::optional<Instant> LegsObserver::behind_since(uint32_t leg) const {
  const auto book = books_.behind_since(leg);
  const auto trade = trades_.behind_since(leg);
  if (!book || !trade) return book ? book : trade;
  return std::min(*book, *trade);
}

bool LegsObserver::begins_about(Instant now, uint32_t leg) const {
  const SeenLeg& seen = legs_[leg];
  return seen.seen == SeenLeg::Seen::waiting && seen.due <= now;
}

bool LegsObserver::recovered() const {
  return restored_ && live_legs(legs_) == legs_.size() && books_.all_settled();
}

bool LegsObserver::well() const {
  return recovered() &&
         std::ranges::all_of(legs_, [this](const SeenLeg& leg) { return books_.all_well_on(leg); });
}

}  // namespace havklo::replay
