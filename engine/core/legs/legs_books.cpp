// The books of several legs, and the one that the strategy has.
#include <algorithm>
#include <utility>

#include "core/legs/legs.hpp"
#include "core/market_events.hpp"

namespace havklo::core {

void Legs::on_book(uint32_t leg, const Subscription& record, const kraken::BookMessage& message) {
  LegWish& wish = wish_of(record);
  const kraken::Book& copy = *record.book;
  wish.copies[leg] = {&copy, message.time.ns};
  PublishedBook& book = *wish.book;
  if (closing_ || copy.depth() != book.depth()) return;  // of another depth it takes no part
  const auto changes = copy.changes();
  const bool overdue = !book.leader() && now_ - wish.leaderless_since >= lag_max_;
  const auto verdict = book.judge(leg, copy.sum(), message.time.ns, message.is_snapshot, overdue);
  if (has(wish.copies_lost_told, leg)) [[unlikely]] {
    wish.copies_lost_told &= static_cast<uint8_t>(~(1U << leg));
    Event restored = Event::make(EventKind::leg_book_restored);
    restored.payload.book_fault.symbol = wish.symbol;
    publish(leg, restored);
  }
  if (wish.ended) return;
  switch (verdict) {
    case PublishedBook::Verdict::begins:
      if (!wish.waits_for_room) publish_whole(leg, wish);
      break;
    case PublishedBook::Verdict::passes:
      publish_changes(leg, wish, message, changes, 0);
      break;
    case PublishedBook::Verdict::reconciles:
      reconcile(leg, wish, message.time);
      break;
    case PublishedBook::Verdict::known:
    case PublishedBook::Verdict::waits:
      break;
  }
  if (book.is_whole() && book.see_advance(leg, now_) && !lag_timers_[leg].armed()) {
    arm(lag_timers_[leg], now_ + lag_max_);
  }
}

void Legs::publish_changes(uint32_t leg, LegWish& wish, const kraken::BookMessage& message,
                           std::span<const kraken::BookChange> changes, uint8_t flags) {
  if (!publish_book_message(shared_.publisher, origin(leg), wish.symbol, message, changes, flags)) {
    return on_overrun(leg, wish);
  }
  wish.book->published(leg);
  if (!message.is_snapshot) note_lag(wish, message.time.ns);
  watch_behind(wish);
}

// It is later, cut otherwise: the difference to what the strategy has leaves as one message.
void Legs::reconcile(uint32_t leg, LegWish& wish, kraken::VenueTime time) {
  kraken::BookMessage message;
  message.time = time;
  const kraken::Book& copy = *wish.copies[leg].book;
  const auto leader = wish.book->leader();
  const auto changes = leader ? difference(*wish.copies[*leader].book, copy, shared_.scratch)
                              : difference(wish.book->last_words(), copy, shared_.scratch);
  publish_changes(leg, wish, message, changes, flag_reconciled);
}

void Legs::publish_whole(uint32_t leg, LegWish& wish) {
  const LegWish::Copy& copy = wish.copies[leg];
  kraken::BookMessage snapshot;
  snapshot.is_snapshot = true;
  snapshot.time.ns = copy.time_ns;
  const auto levels = levels_of(*copy.book, shared_.scratch);
  if (!publish_book_message(shared_.publisher, origin(leg), wish.symbol, snapshot, levels)) {
    wish.waits_for_room = books_wait_ = true;
    return;
  }
  wish.owes_fault = false;
  wish.waits_for_room = false;
  wish.book->published(leg);
  shared_.publisher.note_news();
  watch_behind(wish);
}

// The strategy is told that its book is wrong, and gets another once there is room: nobody is asked
// for it.
void Legs::on_overrun(uint32_t leg, LegWish& wish) {
  wish.book->forget();
  wish.owes_fault = true;
  wish.waits_for_room = books_wait_ = true;
  if (legs_[leg]->has_slot_to_spare()) {
    Event stale = Event::make(EventKind::book_stale);
    stale.payload.book_fault.symbol = wish.symbol;
    wish.owes_fault = false;
    publish(leg, stale);
  }
}

void Legs::tell_stale(uint32_t leg, LegWish& wish, BookFault fault) {
  wish.owes_fault = false;
  Event stale = Event::make(EventKind::book_stale);
  stale.payload.book_fault.symbol = wish.symbol;
  stale.payload.book_fault.fault = fault;
  publish(leg, stale);
}

// The strategy has none, and some leg may have.
void Legs::begin_book_again(LegWish& wish) {
  if (!wish.book || wish.ended || wish.book->is_whole() || wish.book->verified() == 0) return;
  publish_whole(wish.book->best(), wish);
}

// What one leg lost stays so until the strategy knows; what the ring lost, until it fits.
void Legs::resume_books() {
  books_wait_ = false;
  for (LegWish* wish : wishes_) {
    if (!wish->owes_fault && !wish->waits_for_room) continue;
    for (uint32_t leg = 0; leg < legs_.size() && wish->owes_fault; ++leg) {
      if (!has(greeted_, leg) || !legs_[leg]->has_slot_to_spare()) continue;
      const bool lost = wish->book->verified() == 0;
      tell_stale(leg, *wish, lost ? BookFault::leg_lost : BookFault{});
    }
    if (wish->book->verified() == 0) wish->waits_for_room = false;
    if (wish->waits_for_room && !wish->owes_fault) {
      const uint32_t leg = wish->book->best();
      const kraken::Book& copy = *wish->copies[leg].book;
      const auto levels = static_cast<uint32_t>(copy.bids().size() + copy.asks().size());
      const bool fits = shared_.publisher.has_room_for_market(std::max(levels, 1U));
      if (fits && legs_[leg]->has_all_slots()) publish_whole(leg, *wish);
    }
    books_wait_ = books_wait_ || wish->owes_fault || wish->waits_for_room;
  }
}

void Legs::on_copy_lost(uint32_t leg, const Subscription& record) {
  LegWish& wish = wish_of(record);
  const bool known = std::exchange(wish.copies[leg].book, nullptr) != nullptr && record.is_as_told;
  PublishedBook& book = *wish.book;
  book.lose(leg, known ? &*record.book : nullptr);
  if (!book.leader()) wish.leaderless_since = now_;
  if (closing_ || !book.is_whole() || book.verified() != 0) return;
  book.forget();
  wish.owes_fault = books_wait_ = true;
}

}  // namespace havklo::core
