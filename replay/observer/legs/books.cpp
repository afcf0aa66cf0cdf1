// What each event may say, and at the end of a turn what should have been said.
#include "replay/observer/legs/books.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kraken/channels.hpp"

namespace havklo::replay {

LegBooks::LegBooks(const Settings& settings, uint16_t session, const Names& names,
                   const MarketTruth& truth, const SeenLegs& legs, Verdict& verdict)
    : session_(session), names_(names), truth_(truth), legs_(legs), verdict_(verdict) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    for (const std::string& symbol : each.symbols) {
      wish_for(each.channel, symbol).depth = parameter_of(each);
    }
  }
}

LegBooks::Wish& LegBooks::wish_for(Channel channel, std::string_view symbol) {
  for (Wish& wish : wishes_) {
    if (wish.channel == channel && wish.symbol == symbol) return wish;
  }
  constexpr uint32_t room_for_levels = 32;
  const bool names_symbols = kraken::facts_of(channel).names_symbols;
  wishes_.push_back(
      {.channel = channel,
       .symbol = std::string(symbol),
       .market = names_symbols ? truth_.find(symbol) : every_symbol,
       .id = std::nullopt,
       .book = OrderBook(names_, symbol, room_for_levels, static_cast<uint8_t>(session_)),
       .leader = std::nullopt});
  return wishes_.back();
}

LegBooks::Wish* LegBooks::find(Channel channel, SymbolId id) {
  for (Wish& wish : wishes_) {
    if (wish.channel != channel) continue;
    if (!wish.id && names_.symbol(id) == wish.symbol) wish.id = id;
    if (wish.id == id) return &wish;
  }
  return nullptr;
}

bool LegBooks::wants(Channel channel, std::string_view symbol) const {
  return std::ranges::any_of(wishes_, [&](const Wish& wish) {
    return wish.channel == channel && wish.symbol == symbol && wish.wanted;
  });
}

void LegBooks::on_command(const Command& command) {
  if (command.kind == Command::Kind::subscribe) {
    Wish& wish = wish_for(command.channel, command.symbol());
    const bool has_parameter = !kraken::facts_of(command.channel).parameter.name.empty();
    wish.wanted = true;
    if (!has_parameter || wish.depth == command.depth) return;
    if (wish.depth != 0) ++wish.ends_due;
    wish.depth_before = wish.depth;
    wish.depth = command.depth;
  } else if (command.kind == Command::Kind::unsubscribe) {
    Wish& wish = wish_for(command.channel, command.symbol());
    if (wish.wanted) ++wish.ends_due;
    wish.wanted = false;
  }
}

void LegBooks::on_overrun(const Event& event) { lost_ += event.payload.overrun.lost; }

const LegWire::Wish* LegBooks::copy_of(const Wish& wish, const SeenLeg& leg) const {
  if (!leg.greeted()) return nullptr;
  const LegWire::Wish* const copy = leg.told.find(wish.channel, wish.symbol);
  const bool takes_part = copy != nullptr && copy->verified && copy->acked &&
                          (copy->depth == wish.depth || copy->depth == wish.depth_before);
  return takes_part ? copy : nullptr;
}

void LegBooks::on_event(const Event& event) {
  for (Wish& wish : wishes_) {
    if (wish.channel != Channel::book) continue;
    wish.was_live = wish.book.is_live();
    wish.book.apply(event);
  }
  switch (event.kind) {
    case EventKind::connected:
      for (Wish& wish : wishes_) {
        wish.told = Told::nothing;
        wish.waits_for_room = false;
        wish.copies_lost = 0;
        wish.leader.reset();
        wish.behind = {};
      }
      return;
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed:
      return on_answer(event);
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
      return on_fault(event);
    case EventKind::leg_book_lost:
    case EventKind::leg_book_restored:
      return on_copy_fault(event);
    case EventKind::book_snapshot:
    case EventKind::book_update:
      return on_levels(event);
    default:
      return;
  }
}

// By the session's view: each once, whatever how many legs hear of it.
void LegBooks::on_answer(const Event& event) {
  const Event::Subscription& about = event.payload.subscription;
  Wish* const wish = find(about.channel, about.symbol);
  if (wish == nullptr) {
    return violate(Invariant::subscription_order, event.time, "an event of what nobody wants");
  }
  const auto wrong = [&](std::string_view what) {
    violate(Invariant::leg_order, event.time,
            fmt::format("{} of {} {} {}", to_string(event.kind), to_string(wish->channel),
                        wish->symbol, what));
  };
  if (event.kind == EventKind::unsubscribed) {
    if (wish->ends_due == 0) wrong("that nobody asked for, or a second time");
    wish->ends_due -= wish->ends_due == 0 ? 0 : 1;
    wish->told = Told::nothing;
    wish->waits_for_room = false;
    wish->copies_lost = 0;
    wish->leader.reset();
    wish->behind = {};
    return;
  }
  const Told told = event.kind == EventKind::subscribed ? Told::subscribed : Told::rejected;
  const bool shares = !kraken::facts_of(wish->channel).names_symbols;
  if (wish->told == told && !shares) wrong("a second time");
  if (told == Told::subscribed) {
    const LegWire::Wish* const heard = legs_[event.leg].told.find(wish->channel, wish->symbol);
    if (!shares && (heard == nullptr || !heard->acked)) wrong("before its leg has an ack");
  } else {
    for (const SeenLeg& leg : legs_) {
      const LegWire::Wish* const heard = leg.told.find(wish->channel, wish->symbol);
      const bool serves = leg.greeted() && heard != nullptr && heard->acked &&
                          (wish->channel != Channel::book || heard->verified);
      if (serves && !shares) wrong("while a leg has it");
    }
  }
  wish->told = told;
  if (told == Told::subscribed && wish->wanted) wish->ends_due = 0;
}

void LegBooks::on_levels(const Event& event) {
  const Event::BookLevel& level = event.payload.book;
  Wish* const wish = find(Channel::book, level.symbol);
  if (wish == nullptr) {
    return violate(Invariant::subscription_order, event.time, "a book that nobody wants");
  }
  if (!event.last_in_message()) return;
  if (!wish->book.is_live()) {
    return violate(Invariant::one_state, event.time,
                   fmt::format("an update of {} without a snapshot", wish->symbol));
  }
  const bool is_snapshot = event.kind == EventKind::book_snapshot;
  const int64_t time_ns = wish->book.venue_time_ns();
  if (is_snapshot) {
    wish->snapshot_ns = time_ns;
    for (const SeenLeg& leg : legs_) {
      const LegWire::Wish* const copy = leg.told.find(Channel::book, wish->symbol);
      if (copy != nullptr && copy->book) {
        wish->snapshot_ns = std::min(wish->snapshot_ns, copy->snapshot_ns);
      }
    }
  }
  if (!matches(*wish)) {
    violate(Invariant::one_state, event.time,
            fmt::format("{} is not the venue's book of depth {}", wish->symbol, wish->depth));
  }
  if (wish->was_live && time_ns < wish->time_ns && wish->leader != event.leg) {
    violate(Invariant::one_state, event.time,
            fmt::format("{} goes back by {} us when leg {} speaks", wish->symbol,
                        (wish->time_ns - time_ns) / 1000, event.leg));
  }
  ++books_verified_;
  follow(*wish, event);
  wish->time_ns = time_ns;
  wish->waits_for_room = false;
  see_behind(*wish, event.time);
}

bool LegBooks::matches(const Wish& wish) const {
  if (!wish.market) return false;
  return truth_.matches(*wish.market, wish.depth, wish.book, wish.snapshot_ns) ||
         (wish.depth_before != 0 &&
          truth_.matches(*wish.market, wish.depth_before, wish.book, wish.snapshot_ns));
}

// Who leads, and how that came.
void LegBooks::follow(Wish& wish, const Event& event) {
  const bool is_update = event.kind == EventKind::book_update;
  const bool other = wish.leader && *wish.leader != event.leg;
  if ((event.flags & flag_reconciled) != 0) {
    reach(Sometime::leg_reconciles);
  } else if (is_update && other) {
    reach(Sometime::follower_extends);
  }
  wish.leader = event.leg;
}

void LegBooks::see_behind(Wish& wish, Instant now) {
  // What is the same at a later time says that nothing has changed until then.
  for (const SeenLeg& leg : legs_) {
    const LegWire::Wish* const copy = copy_of(wish, leg);
    const bool later = copy != nullptr && wish.book.is_live() && copy->time_ns > wish.time_ns;
    if (later && copy->depth == wish.depth && is_same(*copy, wish.book)) {
      wish.time_ns = copy->time_ns;
    }
  }
  for (size_t i = 0; i < legs_.size(); ++i) {
    const LegWire::Wish* const copy = copy_of(wish, legs_[i]);
    if (copy == nullptr || wish.ends_due != 0 || !wish.book.is_live()) {
      wish.behind[i].since.reset();
      continue;
    }
    const int64_t published = wish.time_ns;
    const bool level = copy->time_ns < published && is_same(*copy, wish.book);
    wish.behind[i].see(copy->time_ns, published, level, now);
  }
}

void LegBooks::on_read(Instant now) {
  for (Wish& wish : wishes_) {
    if (wish.channel == Channel::book) see_behind(wish, now);
  }
}

void LegBooks::on_leg_lost(uint32_t leg) {
  for (Wish& wish : wishes_) {
    wish.behind[leg].since.reset();
    wish.copies_lost &= static_cast<uint8_t>(~(1U << leg));
    if (wish.channel != Channel::book || !wish.book.is_live()) continue;
    if (wish.leader != leg) continue;
    for (const SeenLeg& other : legs_) {
      const LegWire::Wish* const copy = copy_of(wish, other);
      if (copy != nullptr && is_same(*copy, wish.book)) reach(Sometime::leader_lost_to_an_equal);
    }
  }
}

// The session's fault only when nobody has a copy.
void LegBooks::on_fault(const Event& event) {
  Wish* const wish = find(Channel::book, event.payload.book_fault.symbol);
  if (wish == nullptr) {
    return violate(Invariant::subscription_order, event.time, "a fault of what nobody wants");
  }
  ++faults_;
  const bool by_ring =
      event.kind == EventKind::book_stale && event.payload.book_fault.fault != BookFault::leg_lost;
  if (by_ring) {
    wish->waits_for_room = true;
    return;
  }
  if (event.kind == EventKind::book_stale) reach(Sometime::last_copy_lost_with_its_leg);
  for (const SeenLeg& leg : legs_) {
    const LegWire::Wish* const copy = copy_of(*wish, leg);
    if (copy == nullptr || !leg.live || !leg.reads() || wish->ends_due != 0) continue;
    if (copy->depth != wish->depth) continue;  // of another it takes no part
    violate(Invariant::gapless, event.time,
            fmt::format("{} of {}, and a Live leg has a verified copy", to_string(event.kind),
                        wish->symbol));
  }
}

void LegBooks::on_copy_fault(const Event& event) {
  Wish* const wish = find(Channel::book, event.payload.book_fault.symbol);
  if (wish == nullptr) {
    return violate(Invariant::subscription_order, event.time, "a copy of what nobody wants");
  }
  const auto bit = static_cast<uint8_t>(1U << event.leg);
  const bool lost = event.kind == EventKind::leg_book_lost;
  if (((wish->copies_lost & bit) != 0) == lost) {
    violate(Invariant::leg_order, event.time,
            fmt::format("{} of leg {} twice: {}", to_string(event.kind), event.leg, wish->symbol));
  }
  wish->copies_lost =
      static_cast<uint8_t>(lost ? wish->copies_lost | bit : wish->copies_lost & ~bit);
  if (lost) {
    ++faults_;
    reach(Sometime::leg_book_lost_alone);
  } else {
    reach(Sometime::leg_book_restored);
  }
}

void LegBooks::end_turn(Instant now, bool tells) {
  for (Wish& wish : wishes_) {
    if (wish.channel != Channel::book) continue;
    see_behind(wish, now);
    if (tells) check_first(wish, now);
  }
}

// The first copy of everything has left, and what nobody has any more is not kept.
void LegBooks::check_first(const Wish& wish, Instant now) {
  if (wish.told != Told::subscribed || !wish.wanted || wish.ends_due != 0 || wish.waits_for_room) {
    return;
  }
  bool any = false;
  for (const SeenLeg& leg : legs_) {
    const LegWire::Wish* const copy = copy_of(wish, leg);
    const LegWire::Wish* const heard = leg.told.find(Channel::book, wish.symbol);
    any = any || (leg.greeted() && heard != nullptr && heard->verified);
    if (copy == nullptr || !leg.reads() || copy->depth != wish.depth) continue;
    if (!wish.book.is_live()) {
      violate(leg.live ? Invariant::gapless : Invariant::first_wins, now,
              fmt::format("a leg has {}, and the strategy has it not", wish.symbol));
    } else if (wish.time_ns < copy->time_ns && !is_same(*copy, wish.book)) {
      violate(Invariant::first_wins, now,
              fmt::format("a leg has {} {} us later than what was published", wish.symbol,
                          (copy->time_ns - wish.time_ns) / 1000));
    }
  }
  if (!any && wish.book.is_live()) {
    violate(Invariant::gapless, now,
            fmt::format("no leg has {}, and the strategy's book answers", wish.symbol));
  }
}

std::optional<Instant> LegBooks::behind_since(uint32_t leg) const {
  std::optional<Instant> first;
  for (const Wish& wish : wishes_) {
    const auto since = wish.behind[leg].since;
    if (since && (!first || *since < *first)) first = since;
  }
  return first;
}

bool LegBooks::any_unanswered() const {
  return std::ranges::any_of(wishes_, [](const Wish& wish) {
    const bool lacks_book =
        wish.told == Told::subscribed && wish.channel == Channel::book && !wish.book.is_live();
    return wish.wanted && (wish.told == Told::nothing || lacks_book);
  });
}

bool LegBooks::all_settled() const {
  return std::ranges::all_of(wishes_, [](const Wish& wish) {
    if (!wish.wanted || wish.told == Told::rejected) return true;
    return wish.told == Told::subscribed && (wish.channel != Channel::book || wish.book.is_live());
  });
}

bool LegBooks::all_well_on(const SeenLeg& leg) const {
  return leg.live && std::ranges::all_of(wishes_, [&leg](const Wish& wish) {
           if (!wish.wanted) return true;
           const LegWire::Wish* const heard = leg.told.find(wish.channel, wish.symbol);
           if (heard == nullptr) return !kraken::facts_of(wish.channel).names_symbols;
           if (heard->refused_for_good) return true;
           return heard->acked && (wish.channel != Channel::book || heard->verified);
         });
}

void LegBooks::on_restored(uint32_t count, uint32_t rejected, uint32_t leg, Instant now) const {
  uint32_t settled = 0;
  uint32_t refused = 0;
  for (const Wish& wish : wishes_) {
    if (!wish.wanted) continue;
    const bool has_book = wish.channel != Channel::book || wish.book.is_live();
    if (wish.told == Told::rejected) {
      ++refused;
    } else if (wish.told == Told::subscribed && has_book) {
      ++settled;
    } else {
      const LegWire::Wish* const heard = legs_[leg].told.find(wish.channel, wish.symbol);
      if (heard == nullptr || (!heard->acked && !heard->refused)) {
        violate(Invariant::restored_true, now,
                fmt::format("all clear, and {} {} was not answered", to_string(wish.channel),
                            wish.symbol));
      }
    }
  }
  if (count == settled && rejected == refused) return;
  violate(Invariant::restored_true, now,
          fmt::format("all clear of {} and {} rejected; it is {} and {}", count, rejected, settled,
                      refused));
}

void LegBooks::check_fresh(int64_t well_us, int64_t utc_us, Instant now) const {
  for (const Wish& wish : wishes_) {
    if (!wish.wanted || wish.told != Told::subscribed || wish.channel != Channel::book) continue;
    if (truth_.is_as_new(*wish.market, wish.depth, wish.book, wish.snapshot_ns, well_us, utc_us)) {
      continue;
    }
    violate(Invariant::fresh_book, now,
            fmt::format("{} stands still while the venue goes on", wish.symbol));
  }
}

}  // namespace havklo::replay
