// What each event may say of a wish, and whether a book is what the venue had.
#include "replay/observer/wishes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kraken/channels.hpp"

namespace havklo::replay {
WishObserver::WishObserver(const Settings& settings, uint16_t session, const Names& names,
                           const MarketTruth& truth, Verdict& verdict)
    : session_(session), names_(names), truth_(truth), verdict_(verdict) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    for (const std::string& symbol : each.symbols) {
      Wish& wish = wish_for(each.channel, symbol);
      wish.wanted = true;
      wish.depth = parameter_of(each);
    }
  }
}

WishObserver::Wish& WishObserver::wish_for(Channel channel, std::string_view symbol) {
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
       .silent = std::nullopt,
       .snapshot_ns = 0});
  return wishes_.back();
}

WishObserver::Wish* WishObserver::find(Channel channel, SymbolId id) {
  for (Wish& wish : wishes_) {
    if (wish.channel != channel) continue;
    if (!wish.id && names_.symbol(id) == wish.symbol) wish.id = id;
    if (wish.id == id) return &wish;
  }
  return nullptr;
}

void WishObserver::on_command(const Command& command) {
  if (command.kind == Command::Kind::subscribe) {
    Wish& wish = wish_for(command.channel, command.symbol());
    const bool has_parameter = !kraken::facts_of(command.channel).parameter.name.empty();
    const bool other_depth = has_parameter && wish.depth != command.depth;
    wish.cycling = wish.cycling || wish.removing || (other_depth && wish.wanted);
    const bool comes_back = !wish.wanted;
    wish.wanted = true;
    wish.depth = command.depth;
    wish.removing = false;
    if (wish.refused || comes_back) wish.in_doubt = wish.rejected = false;
    wish.refused = false;
  } else if (command.kind == Command::Kind::unsubscribe) {
    Wish& wish = wish_for(command.channel, command.symbol());
    wish.removing = wish.removing || wish.wanted;  // asked twice, it is still on its way
    wish.wanted = false;
  }
}

void WishObserver::on_request(const SeenRequest& request) {
  if (!request.subscribe) return;
  const bool for_all = !kraken::facts_of(request.channel).names_symbols;
  for (Wish& wish : wishes_) {
    const bool named =
        for_all || std::ranges::find(request.symbols, wish.symbol) != request.symbols.end();
    if (wish.channel != request.channel || !named) continue;
    wish.book_depth = wish.depth;
    wish.asked = true;
    if (for_all || (!wish.acked && !wish.broken)) continue;
    violate(Invariant::repair_order, request.at,
            fmt::format("{} is asked for again before it was given back", wish.symbol));
  }
}

void WishObserver::on_rate_error() {
  for (Wish& wish : wishes_) wish.held_back = true;
}

void WishObserver::begin_epoch() {
  connected_ = true;
  for (Wish& wish : wishes_) wish.rejected = wish.refused = wish.in_doubt = false;
}

void WishObserver::end_epoch() {
  connected_ = false;
  for (Wish& wish : wishes_) {
    wish.acked = wish.broken = wish.rejected = wish.in_doubt = wish.cycling = false;
    wish.refused = wish.asked = wish.held_back = wish.carried = false;
  }
}

void WishObserver::violate(Invariant invariant, Instant at, std::string what) const {
  verdict_.violate(invariant, session_, at, std::move(what));
}

void WishObserver::on_event(const Event& event) {
  for (Wish& wish : wishes_) {
    if (wish.channel != Channel::book) continue;
    wish.book.apply(event);
    if (wish.silent) check_silent(wish, event);
  }
  check_empty(event);
  switch (event.kind) {
    case EventKind::subscribed:
    case EventKind::rejected:
    case EventKind::unsubscribed:
      return on_answer(event);
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale: {
      Wish* wish = find(Channel::book, event.payload.book_fault.symbol);
      if (wish == nullptr || wish->broken) {
        return violate(Invariant::repair_order, event.time, "a book is declared bad twice");
      }
      wish->broken = true;
      ++repairs_;
      return;
    }
    case EventKind::book_snapshot:
    case EventKind::book_update:
      return on_book(event);
    case EventKind::trade:
      return check_wanted(Channel::trade, event.payload.trade.symbol, event.time);
    case EventKind::ticker:
      return check_wanted(Channel::ticker, event.payload.ticker.symbol, event.time);
    case EventKind::candle:
      return check_wanted(Channel::ohlc, event.payload.candle.symbol, event.time);
    case EventKind::instrument:
      return check_wanted(Channel::instrument, event.payload.instrument.symbol, event.time);
    default:
      return;
  }
}

// Subscribed, Rejected, Unsubscribed.
void WishObserver::on_answer(const Event& event) {
  const Event::Subscription& about = event.payload.subscription;
  Wish* wish = find(about.channel, about.symbol);
  if (wish == nullptr) {
    return violate(Invariant::subscription_order, event.time, "an event of what nobody wants");
  }
  if (event.kind == EventKind::rejected && !wish->asked) wish->carried = true;
  if (event.kind == EventKind::rejected && (wish->broken || wish->acked)) {
    wish->in_doubt = true;
    return;
  }
  if (event.kind == EventKind::unsubscribed) {
    wish->in_doubt = wish->in_doubt && wish->wanted;
    wish->acked = wish->broken = wish->removing = wish->cycling = false;
    return;
  }
  if (!connected_) {
    return violate(Invariant::subscription_order, event.time, "an answer without connection");
  }
  // Of what shares one subscription, one lost it with another.
  const bool shares = !kraken::facts_of(wish->channel).names_symbols;
  if ((wish->acked && !shares) || wish->broken) {
    return violate(
        Invariant::repair_order, event.time,
        fmt::format("{} again without Unsubscribed: {}", to_string(event.kind), wish->symbol));
  }
  wish->acked = event.kind == EventKind::subscribed;
  // A book in doubt is so until its snapshot verifies.
  wish->in_doubt =
      wish->acked && (wish->in_doubt || wish->rejected) && wish->channel == Channel::book;
  wish->rejected = !wish->acked;
  wish->carried = wish->carried && (wish->rejected || wish->in_doubt);
  // Refused for now, it goes on; what it was to become, it still is.
  const bool goes_on = wish->rejected && !is_final_refusal(names_.text(about.detail));
  wish->cycling = wish->cycling && goes_on;
  wish->refused = wish->rejected && !goes_on;
}

void WishObserver::on_overrun(const Event& event) {
  for (Wish& wish : wishes_) {
    if (wish.channel != Channel::book) continue;
    wish.silent.emplace(wish.book);
    wish.silent->apply(event);
    if (!wish.silent->is_live()) continue;
    violate(Invariant::verified_book, event.time,
            fmt::format("the strategy's book of {} answers after an Overrun", wish.symbol));
  }
}

// After the next message of its own it is again what it would be without the Overrun.
void WishObserver::check_silent(Wish& wish, const Event& event) const {
  wish.silent->apply(event);
  const bool of_book =
      event.kind == EventKind::book_snapshot || event.kind == EventKind::book_update;
  const bool its_own = of_book && event.payload.book.symbol == wish.id && event.last_in_message();
  if (wish.silent->is_live() != (its_own && wish.book.is_live())) {
    violate(Invariant::verified_book, event.time,
            fmt::format("the strategy's book of {} {} after an Overrun", wish.symbol,
                        its_own ? "stays silent" : "answers"));
  }
  if (its_own || !wish.book.is_live()) wish.silent.reset();
}

// What ends a book's trust empties the strategy's.
void WishObserver::check_empty(const Event& event) const {
  const bool ends_all = event.kind == EventKind::connected || event.kind == EventKind::disconnected;
  const bool faulty = event.kind == EventKind::checksum_mismatch ||
                      event.kind == EventKind::book_invalid || event.kind == EventKind::book_stale;
  const bool ended = event.kind == EventKind::unsubscribed || event.kind == EventKind::rejected;
  if (!ends_all && !faulty && !ended) return;
  for (const Wish& wish : wishes_) {
    if (wish.channel != Channel::book || !wish.book.is_live()) continue;
    const auto& about = event.payload.subscription;
    const bool concerned = ends_all || (faulty && event.payload.book_fault.symbol == wish.id) ||
                           (ended && about.channel == Channel::book && about.symbol == wish.id);
    if (!concerned) continue;
    violate(Invariant::verified_book, event.time,
            fmt::format("the strategy's book of {} answers after {}", wish.symbol,
                        to_string(event.kind)));
  }
}

void WishObserver::check_wanted(Channel channel, SymbolId symbol, Instant at) {
  if (find(channel, symbol) != nullptr) return;
  violate(Invariant::subscription_order, at,
          fmt::format("a {} that nobody wants", to_string(channel)));
}

void WishObserver::on_book(const Event& event) {
  const Event::BookLevel& level = event.payload.book;
  Wish* wish = find(Channel::book, level.symbol);
  if (wish == nullptr) {
    return violate(Invariant::subscription_order, event.time, "a book that nobody wants");
  }
  if (wish->broken) {
    return violate(Invariant::repair_order, event.time,
                   fmt::format("levels of {} while it is being repaired", wish->symbol));
  }
  if (!event.last_in_message()) return;
  if (!wish->book.is_live()) {
    return violate(Invariant::verified_book, event.time,
                   fmt::format("an update of {} without a snapshot", wish->symbol));
  }
  wish->in_doubt = false;
  wish->carried = wish->carried && wish->rejected;  // before its answer it is not well
  if (event.kind == EventKind::book_snapshot) wish->snapshot_ns = wish->book.venue_time_ns();
  if (truth_.matches(*wish->market, wish->book_depth, wish->book, wish->snapshot_ns)) {
    ++books_verified_;
    return;
  }
  violate(Invariant::verified_book, event.time,
          fmt::format("{} is not the venue's book of depth {}", wish->symbol, wish->book_depth));
}

bool WishObserver::settled(const Wish& wish) {
  if (!wish.wanted) return true;
  if (wish.rejected || wish.in_doubt) return true;
  return wish.acked && !wish.broken && (wish.channel != Channel::book || wish.book.is_live());
}

bool WishObserver::all_settled() const { return std::ranges::all_of(wishes_, settled); }

// Where nobody is well, a connection has to fail a wish itself: when it has, nobody outside knows.
bool WishObserver::all_at_rest() const {
  const bool rest = std::ranges::all_of(
      wishes_, [](const Wish& wish) { return settled(wish) && !wish.cycling && !wish.removing; });
  const auto is_well = [](const Wish& wish) {
    return wish.wanted && wish.acked && !wish.in_doubt && settled(wish);
  };
  return rest &&
         (std::ranges::none_of(wishes_, &Wish::carried) || std::ranges::any_of(wishes_, is_well));
}

bool WishObserver::any_changing_in_doubt() const {
  return std::ranges::any_of(wishes_,
                             [](const Wish& wish) { return wish.in_doubt && wish.cycling; });
}

bool WishObserver::any_on_wire() const { return std::ranges::any_of(wishes_, &Wish::acked); }

size_t WishObserver::wanted() const {
  return static_cast<size_t>(std::ranges::count_if(wishes_, &Wish::wanted));
}

void WishObserver::on_restored(uint32_t count, uint32_t rejected, const VenueHas& venue_has,
                               Instant now) {
  uint32_t settled_count = 0;
  uint32_t rejected_count = 0;
  const Wish* untried = nullptr;
  for (const Wish& wish : wishes_) {
    if (!wish.wanted) continue;
    if (!settled(wish)) {
      return violate(
          Invariant::restored_true, now,
          fmt::format("all clear, and {} {} is not", to_string(wish.channel), wish.symbol));
    }
    const bool told_as_rejected = wish.rejected || wish.in_doubt;
    (told_as_rejected ? rejected_count : settled_count) += 1;
    if (wish.carried && !wish.asked && !wish.held_back) untried = &wish;
    if (told_as_rejected || !venue_has) continue;
    if (venue_has(wish.channel, *wish.market, wish.depth)) continue;
    return violate(Invariant::restored_true, now,
                   fmt::format("all clear, and the venue knows nothing of {}", wish.symbol));
  }
  if (settled_count == 0 && untried != nullptr) {
    return violate(Invariant::restored_true, now,
                   fmt::format("all clear of nothing, and {} was not tried", untried->symbol));
  }
  if (count != settled_count || rejected != rejected_count) {
    violate(Invariant::restored_true, now,
            fmt::format("all clear of {} and {} rejected; it is {} and {}", count, rejected,
                        settled_count, rejected_count));
  }
}

void WishObserver::check_fresh(int64_t well_us, int64_t utc_us, Instant now) const {
  for (const Wish& wish : wishes_) {
    if (!wish.wanted || wish.rejected || wish.in_doubt) continue;
    if (wish.channel != Channel::book) continue;
    if (truth_.is_as_new(*wish.market, wish.book_depth, wish.book, wish.snapshot_ns, well_us,
                         utc_us)) {
      continue;
    }
    violate(Invariant::fresh_book, now,
            fmt::format("{} stands still while the venue goes on", wish.symbol));
  }
}

}  // namespace havklo::replay
