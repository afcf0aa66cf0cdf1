// Books from messages, and messages from books.
#include "replay/what_if/recorded_feed.hpp"

#include <algorithm>
#include <array>
#include <havklo/limits.hpp>
#include <map>

#include "replay/venue/messages.hpp"

namespace havklo::replay {
namespace {

uint8_t decimals_of(Decimal value) { return static_cast<uint8_t>(-value.exponent); }

void write_levels(MarketBook& book, const kraken::BookMessage& message) {
  for (const auto& level : message.bids) {
    book.write(BookSide::bid, level.price_mantissa, level.qty_mantissa);
  }
  for (const auto& level : message.asks) {
    book.write(BookSide::ask, level.price_mantissa, level.qty_mantissa);
  }
}

}  // namespace

RecordedFeed::RecordedFeed(const ObservedNetwork& network)
    : network_(network),
      books_(network.symbols.size()),
      first_snapshots_(network.symbols.size(), network.feed.size()) {
  std::map<std::string_view, uint32_t> wished;
  for (const SubscriptionSettings& each : network.header.settings.subscriptions) {
    if (each.channel != Channel::book) continue;
    for (const std::string& symbol : each.symbols) wished.try_emplace(symbol, each.depth);
  }
  for (const auto& [at, command] : network.commands) {
    const bool adds = command.kind == Command::Kind::subscribe;
    if (adds && command.channel == Channel::book) {
      wished.try_emplace(command.symbol(), command.depth);
    }
  }
  for (const std::string& symbol : network.symbols) {
    const auto found = wished.find(symbol);
    depths_.push_back(found == wished.end() ? book_depths.front() : found->second);
  }
  for (size_t i = network.feed.size(); i-- > 0;) {
    if (network.feed[i].snapshot) first_snapshots_[network.feed[i].symbol] = i;
  }
}

Instant RecordedFeed::next_deadline() const {
  return next_ == network_.feed.size() ? Instant::never() : network_.feed[next_].at;
}

std::string_view RecordedFeed::next() {
  const FeedItem& item = network_.feed[next_++];
  if (item.kind == FeedItem::Kind::one_connection) return {};
  const bool is_book = item.kind == FeedItem::Kind::market && item.channel == Channel::book;
  return is_book ? apply(item) : std::string_view(item.text);
}

const kraken::BookMessage* RecordedFeed::decode(const FeedItem& item) {
  padded_ = item.text;
  padded_.append(receive_padding, '\0');
  const auto kind = decoder_.decode(std::string_view(padded_).substr(0, item.text.size()));
  if (!kind || *kind != kraken::MessageKind::book || decoder_.books().size() != 1) return nullptr;
  return &decoder_.books().front();
}

// What a live subscriber of the book is told.
std::string_view RecordedFeed::apply(const FeedItem& item) {
  Book& book = books_[item.symbol];
  const kraken::BookMessage* message = decode(item);
  if (message == nullptr) return {};
  if (message->is_snapshot) return difference(book, item.symbol, *message);
  if (!book.known || book.broken) return {};
  const MarketBook before = book.book;
  book.book.begin_message();
  write_levels(book.book, *message);
  book.book.truncate(depths_[item.symbol]);
  if (book.book.checksum() != message->checksum) {
    // As wrong for a live subscriber as it was for the recording. Only a snapshot mends it.
    book.book = before;
    book.broken = true;
    return item.text;
  }
  book.changed_us = message->time.ns / 1000;
  return item.text;
}

void RecordedFeed::replace(Book& book, const kraken::BookMessage& message) {
  const auto& any = message.bids.empty() ? message.asks : message.bids;
  MarketBook fresh = any.empty()
                         ? MarketBook(0, 0)
                         : MarketBook(decimals_of(any[0].price()), decimals_of(any[0].qty()));
  write_levels(fresh, message);
  book = {.book = std::move(fresh), .known = true, .changed_us = message.time.ns / 1000};
}

// A snapshot, told as an update to who holds the book as it was.
std::string_view RecordedFeed::difference(Book& book, uint32_t symbol,
                                          const kraken::BookMessage& message) {
  Book old = book;
  replace(book, message);
  if (!old.known) return {};
  std::array<std::vector<MarketLevel>, 2> changes;
  bool any = false;
  const size_t all = book_depths.back();
  for (const BookSide side : {BookSide::bid, BookSide::ask}) {
    const auto before = old.book.top(side, all);
    const auto after = book.book.top(side, all);
    auto& told = changes[static_cast<size_t>(side)];
    for (const MarketLevel& level : before) {
      const bool stays = std::ranges::find(after, level.price, &MarketLevel::price) != after.end();
      if (!stays) told.push_back({level.price, 0});
    }
    for (const MarketLevel& level : after) {
      if (std::ranges::find(before, level) == before.end()) told.push_back(level);
    }
    any = any || !told.empty();
  }
  if (!any) return {};
  text_.clear();
  append_book(text_, {.symbol = network_.symbols[symbol],
                      .bids = changes[0],
                      .asks = changes[1],
                      .price_decimals = book.book.price_decimals(),
                      .qty_decimals = book.book.qty_decimals(),
                      .checksum = book.book.checksum(),
                      .utc_us = book.changed_us});
  return text_;
}

std::string RecordedFeed::snapshot(uint32_t symbol, uint32_t depth) {
  Book& book = books_[symbol];
  const size_t first = first_snapshots_[symbol];
  if (!book.known && first < network_.feed.size()) {
    // Never heard yet: the first that it will hear.
    const kraken::BookMessage* message = decode(network_.feed[first]);
    if (message != nullptr) replace(book, *message);
  }
  if (!book.known) return {};
  std::string text;
  const auto bids = book.book.top(BookSide::bid, depth);
  const auto asks = book.book.top(BookSide::ask, depth);
  append_book(text, {.symbol = network_.symbols[symbol],
                     .snapshot = true,
                     .bids = bids,
                     .asks = asks,
                     .price_decimals = book.book.price_decimals(),
                     .qty_decimals = book.book.qty_decimals(),
                     .checksum = book.book.checksum(),
                     .utc_us = book.changed_us});
  return text;
}

bool RecordedFeed::is_old(uint32_t symbol, Instant now) const {
  return books_[symbol].broken || !books_[symbol].known || network_.unheard_from(now) == now;
}

}  // namespace havklo::replay
