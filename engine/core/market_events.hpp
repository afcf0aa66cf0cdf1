// What the venue says of its market as events: a verified book message, one for each level that
// changed, and a row of any other channel.
//
// Owns nothing.   Threads: loop thread.
// Cost:           inline, on the way of every message: what is the same for all is read once.
#pragma once

#include <array>
#include <cstdint>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <span>

#include "core/publisher.hpp"
#include "kraken/book.hpp"
#include "kraken/channel.hpp"
#include "kraken/message.hpp"

namespace havklo::core {

// A snapshot is told though it is empty, an update without a change is not.
[[nodiscard, gnu::noinline]] inline bool publish_no_change(Publisher& publisher, Origin origin,
                                                           SymbolId symbol,
                                                           const kraken::BookMessage& message) {
  if (!message.is_snapshot) return true;
  if (!publisher.begin_market(1, origin)) return false;
  constexpr uint8_t flags = flag_first_in_message | flag_last_in_message | flag_empty;
  Event& event = publisher.next_market(EventKind::book_snapshot, flags, origin);
  event.payload.book.venue_time_ns = message.time.ns;
  event.payload.book.symbol = symbol;
  return true;
}

// False: there was no room, and the book of whoever reads them is no longer the venue's.
[[nodiscard]] inline bool publish_book_message(Publisher& publisher, Origin origin, SymbolId symbol,
                                               const kraken::BookMessage& message,
                                               std::span<const kraken::BookChange> changes,
                                               uint8_t flags = 0) {
  const auto count = static_cast<uint32_t>(changes.size());
  if (count == 0) return publish_no_change(publisher, origin, symbol, message);
  if (!publisher.begin_market(count, origin)) return false;
  const auto write_change = [changes, count, symbol, flags, time_ns = message.time.ns](Event& event,
                                                                                       uint32_t i) {
    const kraken::BookChange& change = changes[i];
    event.flags = static_cast<uint8_t>(flags | (i == 0 ? flag_first_in_message : 0) |
                                       (i + 1 == count ? flag_last_in_message : 0) |
                                       (change.truncated ? flag_truncated : 0));
    event.payload.book = {.price = change.level.price_mantissa,
                          .qty = change.level.qty_mantissa,
                          .venue_time_ns = time_ns,
                          .symbol = symbol,
                          .price_exponent = change.level.price_exponent,
                          .qty_exponent = change.level.qty_exponent,
                          .side = change.side,
                          .zero = {}};
  };
  const EventKind kind = message.is_snapshot ? EventKind::book_snapshot : EventKind::book_update;
  publisher.write_market(count, kind, origin, write_change);
  return true;
}

// Why a row was left out, in words of ours: "qty: no number that fits".
[[nodiscard]] TextId detail_of(const kraken::RowFault& fault, Names& names);

inline void publish_unreadable(Publisher& publisher, Origin origin, Channel channel,
                               SymbolId symbol, TextId detail) {
  if (!publisher.begin_market(1, origin)) return;
  Event& event = publisher.next_market(EventKind::unreadable, 0, origin);
  event.payload.subscription.symbol = symbol;
  event.payload.subscription.detail = detail;
  event.payload.subscription.channel = channel;
}

// A row as the events that it becomes, with nothing in their heads but their kinds.
template <class C>
[[nodiscard]] std::array<Event, C::events.size()> events_of(SymbolId symbol,
                                                            const typename C::Row& row) {
  std::array<Event, C::events.size()> events;
  std::array<Event*, C::events.size()> places;
  for (size_t i = 0; i < events.size(); ++i) {
    events[i] = Event::make(C::events[i]);
    places[i] = &events[i];
  }
  C::write(row, symbol, places);
  return events;
}

// False: it does not fit and is left out; the next event tells of it.
template <class C>
bool publish_row(Publisher& publisher, Origin origin, SymbolId symbol, const typename C::Row& row,
                 uint8_t flags) {
  constexpr size_t count = C::events.size();
  if (!publisher.begin_market(count, origin)) return false;
  std::array<Event*, count> events;
  for (size_t i = 0; i < count; ++i) {
    events[i] = &publisher.next_market(C::events[i], flags, origin);
  }
  C::write(row, symbol, events);
  return true;
}

}  // namespace havklo::core
