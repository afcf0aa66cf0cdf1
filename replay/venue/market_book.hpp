// The venue's own order book, and what a subscriber of each depth must be told when it changes.
//
// Owns:       both sides at full depth, and the entries of the message being made.
// Not owned:  time, text, subscribers.
// Threads:    one.
// Invariants: a side has each price once, in order. Applying the entries of depth N in order to the
//             window that held before the message, then cutting to N, gives the window after it.
// Cost:       a write is a binary search and a short move (the best level is the last element).
// Source:     kraken-v2, 7 and 8: nothing is sent for a level that merely falls out of the window;
//             a level that comes back in at the bottom is sent again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/event.hpp>
#include <optional>
#include <span>
#include <vector>

namespace havklo::replay {

inline constexpr std::array<uint32_t, 5> book_depths{10, 25, 100, 500, 1000};
// The best levels of a side that its checksum covers, whatever the depth.
inline constexpr size_t checksum_levels = 10;

// The place of a depth in book_depths; none when the venue does not serve it.
[[nodiscard]] std::optional<size_t> depth_index(uint32_t depth);

// Prices and quantities as integers; the book says how many decimals they stand for.
struct MarketLevel {
  int64_t price = 0;
  int64_t qty = 0;
  friend constexpr bool operator==(const MarketLevel&, const MarketLevel&) = default;
};

class MarketBook {
 public:
  MarketBook(uint8_t price_decimals, uint8_t qty_decimals)
      : price_decimals_(price_decimals), qty_decimals_(qty_decimals) {}

  [[nodiscard]] uint8_t price_decimals() const { return price_decimals_; }
  [[nodiscard]] uint8_t qty_decimals() const { return qty_decimals_; }
  [[nodiscard]] size_t size(BookSide side) const { return levels(side).size(); }
  // The level at `rank`, 0 the best.
  [[nodiscard]] MarketLevel at(BookSide side, size_t rank) const {
    const auto& all = levels(side);
    return all[all.size() - 1 - rank];
  }
  // The best `depth` levels, best first.
  [[nodiscard]] std::vector<MarketLevel> top(BookSide side, size_t depth) const;

  // Begins a message: forgets the entries of the last one.
  void begin_message();
  // Sets the quantity at a price, or removes it (0; an absent price: nothing happens).
  void write(BookSide side, int64_t price, int64_t qty);
  // What the message says to a subscriber of book_depths[index].
  [[nodiscard]] std::span<const MarketLevel> entries(size_t index, BookSide side) const {
    return window(index, side).entries;
  }
  // Drops what lies beyond `depth`, as the subscriber of a capture does.
  void truncate(size_t depth);
  void clear();

  // Over the best ten of each side: the same for every depth.
  [[nodiscard]] uint32_t checksum() const;
  // As if the book had one bid more.
  [[nodiscard]] uint32_t checksum_with_bid(MarketLevel bid) const;

 private:
  struct Window {
    std::vector<MarketLevel> entries;
    std::vector<int64_t> fallen;  // prices pushed out by this message: the reader may hold them
  };
  [[nodiscard]] const std::vector<MarketLevel>& levels(BookSide side) const {
    return sides_[static_cast<size_t>(side)];
  }
  [[nodiscard]] const Window& window(size_t index, BookSide side) const {
    return windows_[index][static_cast<size_t>(side)];
  }
  void tell_windows(BookSide side, MarketLevel written, size_t rank, bool inserted);

  uint8_t price_decimals_;
  uint8_t qty_decimals_;
  // Best last: bids by rising price, asks by falling price.
  std::array<std::vector<MarketLevel>, 2> sides_;
  std::array<std::array<Window, 2>, book_depths.size()> windows_;
};

}  // namespace havklo::replay
