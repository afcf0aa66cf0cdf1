// Notes by symbol and time, and the digest of a book.
#include "replay/venue/market_truth.hpp"

#include <algorithm>
#include <bit>

namespace havklo::replay {
namespace {

class LevelDigest {
 public:
  void add(int64_t price, int8_t price_exponent, int64_t qty, int8_t qty_exponent) {
    mix(static_cast<uint64_t>(price) * 31 + static_cast<uint8_t>(price_exponent));
    mix(static_cast<uint64_t>(qty) * 31 + static_cast<uint8_t>(qty_exponent));
  }
  void mix(uint64_t word) { value_ = std::rotl(value_ ^ word, 29) * 0x9E3779B97F4A7C15U; }
  [[nodiscard]] uint64_t value() const { return value_ | 1U; }  // never 0

 private:
  uint64_t value_ = 1;
};

uint64_t digest_of(const MarketBook& book, uint32_t depth) {
  LevelDigest digest;
  const auto price_exponent = static_cast<int8_t>(-book.price_decimals());
  const auto qty_exponent = static_cast<int8_t>(-book.qty_decimals());
  for (const BookSide side : {BookSide::bid, BookSide::ask}) {
    const size_t count = std::min<size_t>(depth, book.size(side));
    for (size_t rank = 0; rank < count; ++rank) {
      const MarketLevel level = book.at(side, rank);
      digest.add(level.price, price_exponent, level.qty, qty_exponent);
    }
    digest.mix(count);
  }
  return digest.value();
}

uint64_t digest_of(std::span<const Level> bids, std::span<const Level> asks, size_t depth) {
  LevelDigest digest;
  for (const auto& side : {bids, asks}) {
    const auto compared = side.first(std::min(depth, side.size()));
    for (const Level& level : compared) {
      digest.add(level.price.mantissa, level.price.exponent, level.qty.mantissa,
                 level.qty.exponent);
    }
    digest.mix(compared.size());
  }
  return digest.value();
}

uint64_t digest_of(const OrderBook& book, size_t depth) {
  return digest_of(book.bids().value(), book.asks().value(), depth);
}

}  // namespace

// Passes messages on and notes the books that they describe.
class MarketTruth::Listener final : public FeedSink {
 public:
  Listener(MarketTruth& truth, FeedSink& sink) : truth_(truth), sink_(sink) {}
  [[nodiscard]] bool wants(Channel channel, uint32_t symbol, uint32_t parameter) override {
    if (channel == Channel::trade) truth_.note_trades(symbol);  // asked after each that is made
    return sink_.wants(channel, symbol, parameter);
  }
  bool on_message(Channel channel, uint32_t symbol, uint32_t parameter, std::string_view text,
                  bool best_changed) override {
    if (channel == Channel::book) truth_.note(symbol, parameter, true);
    const bool sent = sink_.on_message(channel, symbol, parameter, text, best_changed);
    if (!sent) truth_.take_back(channel, symbol, parameter);
    return sent;
  }

 private:
  MarketTruth& truth_;
  FeedSink& sink_;
};

void MarketTruth::advance(Instant now, FeedSink& sink) {
  Listener listener(*this, sink);
  feed_->advance(now, listener);
}

void MarketTruth::append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                                  std::string& out) const {
  if (channel == Channel::book) note(symbol, parameter, false);
  feed_->append_snapshot(channel, symbol, parameter, out);
}

void MarketTruth::take_back(Channel channel, uint32_t symbol, uint32_t parameter) {
  if (channel == Channel::book) unsent_[symbol].push_back({feed_->changed_us(symbol), parameter});
}

void MarketTruth::note_trades(uint32_t symbol) {
  std::vector<TradeText>& known = trades_[symbol];
  for (const TradeText& each : feed_->last_trades(symbol)) {
    if (known.empty() || each.trade_id > known.back().trade_id) known.push_back(each);
  }
}

const TradeText* MarketTruth::trade(uint32_t symbol, uint64_t id) const {
  const auto found = std::ranges::lower_bound(trades_[symbol], id, {}, &TradeText::trade_id);
  return found == trades_[symbol].end() || found->trade_id != id ? nullptr : &*found;
}

void MarketTruth::note(uint32_t symbol, uint32_t depth, bool update) const {
  if (std::ranges::find(depths_, depth) == depths_.end()) return;
  notes_[symbol].push_back(
      {.utc_us = feed_->changed_us(symbol),
       .depth = depth,
       .update = update,
       .digest = digest_of(feed_->book(symbol), depth),
       .best_digest = lossy_ ? digest_of(feed_->book(symbol), checksum_levels) : 0});
}

bool MarketTruth::was_unsent(uint32_t symbol, uint32_t depth, int64_t from_us,
                             int64_t to_us) const {
  return std::ranges::any_of(unsent_[symbol], [&](const Unsent& each) {
    return each.depth == depth && each.utc_us >= from_us && each.utc_us <= to_us;
  });
}

bool MarketTruth::matches(uint32_t symbol, uint32_t depth, const OrderBook& book,
                          int64_t snapshot_ns) const {
  return book.is_live() && matches(symbol, depth, book.bids().value(), book.asks().value(),
                                   book.venue_time_ns(), snapshot_ns);
}

bool MarketTruth::matches(uint32_t symbol, uint32_t depth, std::span<const Level> bids,
                          std::span<const Level> asks, int64_t venue_time_ns,
                          int64_t snapshot_ns) const {
  const int64_t book_us = venue_time_ns / 1000;
  const bool best_only = was_unsent(symbol, depth, snapshot_ns / 1000, book_us);
  const uint64_t digest = digest_of(bids, asks, best_only ? checksum_levels : depth);
  const auto [first, last] = std::ranges::equal_range(notes_[symbol], book_us, {}, &Note::utc_us);
  const auto found = std::ranges::find(first, last, depth, &Note::depth);
  if (found == last) return false;
  return (best_only ? found->best_digest : found->digest) == digest;
}

bool MarketTruth::is_as_new(uint32_t symbol, uint32_t depth, const OrderBook& book,
                            int64_t snapshot_ns, int64_t well_us, int64_t utc_us) const {
  const auto last =
      std::ranges::find_if(notes_[symbol].rbegin(), notes_[symbol].rend(), [&](const Note& note) {
        return note.update && note.depth == depth && note.utc_us <= utc_us;
      });
  if (last == notes_[symbol].rend() || last->utc_us <= well_us) return true;
  if (!book.is_live()) return false;
  if (book.venue_time_ns() >= last->utc_us * 1000) return true;
  return was_unsent(symbol, depth, snapshot_ns / 1000, utc_us) &&
         last->best_digest == digest_of(book, checksum_levels);
}

}  // namespace havklo::replay
