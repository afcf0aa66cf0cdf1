// What the venue's books really were, message by message: the judge of every client's book.
//
// A MarketFeed around another one. For each change it notes a digest of the book at the depths that
// are watched, under the instant that the message carries; a client's book that claims to be
// verified at that instant must have the same.
// Owns:    the feed, the notes.
// Threads: one.
// Cost:    for each change a few cycles for each level of the watched depths.
#pragma once

#include <cstdint>
#include <havklo/order_book.hpp>
#include <memory>
#include <span>
#include <vector>

#include "replay/venue/market_feed.hpp"

namespace havklo::replay {

class MarketTruth final : public MarketFeed {
 public:
  // `lossy`: the venue may fail to send an update (matches()).
  MarketTruth(std::unique_ptr<MarketFeed> feed, std::vector<uint32_t> depths, bool lossy)
      : feed_(std::move(feed)),
        depths_(std::move(depths)),
        lossy_(lossy),
        notes_(feed_->symbol_count()),
        unsent_(feed_->symbol_count()),
        trades_(feed_->symbol_count()) {
    note_all_trades();
  }

  [[nodiscard]] bool is_lossy() const { return lossy_; }
  // Whether a client's book of this depth, begun by a snapshot of `snapshot_ns`, is the one that
  // the venue had when it stamped the book's last message. The venue's checksum covers the best ten
  // levels of a side, so no client can know of a loss below them: when an update of that symbol and
  // depth was not sent to somebody since the snapshot, only those are compared.
  [[nodiscard]] bool matches(uint32_t symbol, uint32_t depth, const OrderBook& book,
                             int64_t snapshot_ns) const;
  // The same for levels, best first, with the symbol's decimals, under the message's time.
  [[nodiscard]] bool matches(uint32_t symbol, uint32_t depth, std::span<const Level> bids,
                             std::span<const Level> asks, int64_t venue_time_ns,
                             int64_t snapshot_ns) const;
  // Whether the book is as new as the last message that was due after `well_us`, and by `utc_us`.
  // Where an earlier one was not sent, the last may change nothing of what the client knows.
  [[nodiscard]] bool is_as_new(uint32_t symbol, uint32_t depth, const OrderBook& book,
                               int64_t snapshot_ns, int64_t well_us, int64_t utc_us) const;

  // The venue's trade of that id, null: it has none, or none that it can ever have sent.
  [[nodiscard]] const TradeText* trade(uint32_t symbol, uint64_t id) const;
  [[nodiscard]] uint64_t last_trade_id(uint32_t symbol) const {
    return trades_[symbol].empty() ? 0 : trades_[symbol].back().trade_id;
  }

  [[nodiscard]] uint32_t symbol_count() const override { return feed_->symbol_count(); }
  [[nodiscard]] std::string_view symbol(uint32_t index) const override {
    return feed_->symbol(index);
  }
  [[nodiscard]] bool serves(Channel channel, uint32_t symbol, uint32_t parameter) const override {
    return feed_->serves(channel, symbol, parameter);
  }
  [[nodiscard]] const MarketBook& book(uint32_t symbol) const override {
    return feed_->book(symbol);
  }
  [[nodiscard]] int64_t changed_us(uint32_t symbol) const override {
    return feed_->changed_us(symbol);
  }
  void resume(Instant now) override {
    feed_->resume(now);
    note_all_trades();
  }
  [[nodiscard]] Instant next_deadline() const override { return feed_->next_deadline(); }
  void advance(Instant now, FeedSink& sink) override;
  void append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                       std::string& out) const override;
  void take_back(Channel channel, uint32_t symbol, uint32_t parameter) override;
  [[nodiscard]] std::span<const TradeText> last_trades(uint32_t symbol) const override {
    return feed_->last_trades(symbol);
  }

 private:
  class Listener;
  struct Note {
    int64_t utc_us = 0;
    uint32_t depth = 0;
    bool update = false;  // a message of this depth, not only a snapshot
    uint64_t digest = 0;
    uint64_t best_digest = 0;  // of the levels under the checksum; only when the venue is lossy
  };
  struct Unsent {
    int64_t utc_us = 0;
    uint32_t depth = 0;
  };
  [[nodiscard]] bool was_unsent(uint32_t symbol, uint32_t depth, int64_t from_us,
                                int64_t to_us) const;
  void note(uint32_t symbol, uint32_t depth, bool update) const;
  void note_trades(uint32_t symbol);
  void note_all_trades() {
    for (uint32_t i = 0; i < symbol_count(); ++i) note_trades(i);
  }

  std::unique_ptr<MarketFeed> feed_;
  std::vector<uint32_t> depths_;
  bool lossy_;
  mutable std::vector<std::vector<Note>> notes_;  // by symbol, by time; a snapshot notes too
  std::vector<std::vector<Unsent>> unsent_;       // by symbol, by time
  std::vector<std::vector<TradeText>> trades_;    // by symbol, by id
};

}  // namespace havklo::replay
