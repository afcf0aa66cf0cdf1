// One pass over the events.
#include "replay/what_if/outage_figures.hpp"

#include <algorithm>
#include <utility>

namespace havklo::replay {
namespace {

constexpr Duration ten_minutes = Duration::seconds(600);

}  // namespace

uint32_t OutageFigures::attempts_in_ten_minutes(const Outage& outage, Instant until) const {
  const auto from = std::ranges::lower_bound(attempt_times, outage.begin);
  const auto behind = std::ranges::upper_bound(attempt_times, outage.end(until));
  ptrdiff_t most = 0;
  for (auto end = from; end < behind; ++end) {
    const auto begin = std::ranges::upper_bound(attempt_times.begin(), end, *end - ten_minutes);
    most = std::max(most, end + 1 - begin);
  }
  return static_cast<uint32_t>(most);
}

OutageMeter::OutageMeter(Instant start) : last_event_(start) {
  figures_.first = start;
  attempt_due_ = start;
  open_outage(start, start, Reason::none);
  open_counts_ = false;
}

void OutageMeter::add(const Event& event, const Names& names) {
  const Event::Payload& payload = event.payload;
  switch (event.kind) {
    case EventKind::connected:
      begin_attempt(event);
      if (open_ && !open_->first_connect) open_->first_connect = event.time;
      break;
    case EventKind::connect_failed:
      begin_attempt(event);
      open_counts_ = true;
      break;
    case EventKind::disconnected: {
      const Reason reason = payload.disconnected.reason;
      const Instant begin = reason == Reason::heartbeat_timeout ? last_event_ : event.time;
      // A connection that died before its all clear prolongs the outage under way.
      if (open_) open_counts_ = true;
      if (!open_) open_outage(begin, event.time, reason);
      lose_all(begin);
      break;
    }
    case EventKind::reconnecting:
      attempt_due_ = event.time + Duration{payload.reconnecting.delay_ns};
      break;
    case EventKind::circuit_breaker_open:
      if (open_) ++open_->trips;
      break;
    case EventKind::subscriptions_restored:
      close_outage(event.time);
      break;
    case EventKind::book_snapshot:
    case EventKind::book_update: {
      if (!event.last_in_message() || event.kind != EventKind::book_snapshot) break;
      const std::string symbol(names.symbol(payload.book.symbol));
      regain(symbol, books_[symbol], event.time);
      break;
    }
    case EventKind::checksum_mismatch:
    case EventKind::book_invalid:
    case EventKind::book_stale:
      lose_book(books_[std::string(names.symbol(payload.book_fault.symbol))], event.time);
      break;
    case EventKind::unsubscribed:
      if (payload.subscription.channel != Channel::book) break;
      lose_book(books_[std::string(names.symbol(payload.subscription.symbol))], event.time);
      break;
    case EventKind::overrun:
      lose_all(event.time);
      break;
    case EventKind::closed:
      forget_goodbye();
      break;
    default:
      break;
  }
  last_event_ = event.time;
}

void OutageMeter::begin_attempt(const Event& event) {
  const Instant began = std::min(attempt_due_.value_or(event.time), event.time);
  attempt_due_.reset();
  figures_.attempt_times.push_back(began);
  ++figures_.attempts;
  if (open_) open_->attempts.push_back(began);
}

void OutageMeter::open_outage(Instant begin, Instant noticed, Reason reason) {
  open_ = Outage{.begin = begin, .noticed = noticed, .reason = reason};
  open_counts_ = true;
}

void OutageMeter::close_outage(Instant now) {
  if (!open_) return;
  open_->all_clear = now;
  if (open_counts_) figures_.outages.push_back(std::move(*open_));
  open_.reset();
}

void OutageMeter::lose_book(Book& book, Instant at) {
  if (!book.lost_at && book.has_been_good) book.lost_at = at;
}

void OutageMeter::lose_all(Instant at) {
  for (auto& [symbol, book] : books_) lose_book(book, at);
}

void OutageMeter::regain(const std::string& symbol, Book& book, Instant now) {
  // A book that never was good is lost since the beginning, which counts if that was an outage.
  const Instant from = book.lost_at.value_or(book.has_been_good ? now : figures_.first);
  if (book.lost_at || (!book.has_been_good && open_counts_)) book_lost(symbol, from, now);
  book.has_been_good = true;
  book.lost_at.reset();
}

void OutageMeter::book_lost(const std::string& symbol, Instant from, Instant to) {
  Duration& sum = open_ && open_counts_ ? open_->books_lost[symbol] : figures_.repairs[symbol];
  sum = sum + (to - from);
}

// The user's own close is no outage.
void OutageMeter::forget_goodbye() {
  if (!open_ || open_->reason != Reason::requested || !open_->attempts.empty()) return;
  for (auto& [symbol, book] : books_) {
    if (book.lost_at && *book.lost_at >= open_->begin) book.lost_at.reset();
  }
  open_.reset();
}

OutageFigures OutageMeter::finish(Instant last) {
  figures_.last = last;
  for (auto& [symbol, book] : books_) {
    if (book.lost_at) book_lost(symbol, *book.lost_at, last);
  }
  if (open_ && open_counts_) figures_.outages.push_back(std::move(*open_));
  open_.reset();
  return std::move(figures_);
}

}  // namespace havklo::replay
