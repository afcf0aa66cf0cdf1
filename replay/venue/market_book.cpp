// The venue's book: sorted sides, windows of each depth, the checksum.
#include "replay/venue/market_book.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "replay/venue/checksum.hpp"

namespace havklo::replay {

namespace {

// Worse levels stand first: bids rise, asks fall.
bool stands_before(BookSide side, const MarketLevel& level, int64_t price) {
  return side == BookSide::bid ? level.price < price : level.price > price;
}

// What the checksum is over.
class ChecksumText {
 public:
  void add(MarketLevel level) {
    add(level.price);
    add(level.qty);
  }
  [[nodiscard]] std::string_view text() const { return {text_.data(), bytes_}; }

 private:
  // A number without its point and leading zeros: the integer, and nothing at all for 0.
  void add(int64_t mantissa) {
    if (mantissa == 0) return;
    char* const begin = text_.data() + bytes_;
    const auto written = std::to_chars(begin, text_.data() + text_.size(), mantissa);
    bytes_ += static_cast<size_t>(written.ptr - begin);
  }

  static constexpr size_t digits_max = 20;
  std::array<char, checksum_levels * 2 * 2 * digits_max> text_;
  size_t bytes_ = 0;
};

}  // namespace

std::optional<size_t> depth_index(uint32_t depth) {
  const auto* found = std::find(book_depths.begin(), book_depths.end(), depth);
  if (found == book_depths.end()) return std::nullopt;
  return static_cast<size_t>(found - book_depths.begin());
}

std::vector<MarketLevel> MarketBook::top(BookSide side, size_t depth) const {
  const auto& all = levels(side);
  const size_t count = std::min(depth, all.size());
  return {all.rbegin(), all.rbegin() + static_cast<std::ptrdiff_t>(count)};
}

void MarketBook::begin_message() {
  for (auto& sides : windows_) {
    for (Window& window : sides) {
      window.entries.clear();
      window.fallen.clear();
    }
  }
}

void MarketBook::write(BookSide side, int64_t price, int64_t qty) {
  auto& all = sides_[static_cast<size_t>(side)];
  const auto place = std::lower_bound(all.begin(), all.end(), price,
                                      [side](const MarketLevel& level, int64_t sought) {
                                        return stands_before(side, level, sought);
                                      });
  const bool present = place != all.end() && place->price == price;
  const auto behind = static_cast<size_t>(all.end() - place);  // levels at least as good
  if (present) {
    const size_t rank = behind - 1;
    if (qty == 0) {
      all.erase(place);
    } else {
      place->qty = qty;
    }
    tell_windows(side, {price, qty}, rank, false);
  } else if (qty != 0) {
    all.insert(place, {price, qty});
    tell_windows(side, {price, qty}, behind, true);
  }
}

void MarketBook::tell_windows(BookSide side, MarketLevel written, size_t rank, bool inserted) {
  const auto& all = levels(side);
  for (size_t i = 0; i < book_depths.size(); ++i) {
    const size_t depth = book_depths[i];
    Window& window = windows_[i][static_cast<size_t>(side)];
    // Who keeps the message's levels until its end still holds what fell out of the window during
    // it, and must learn of a change to that too.
    const bool held = rank >= depth && std::find(window.fallen.begin(), window.fallen.end(),
                                                 written.price) != window.fallen.end();
    if (rank >= depth && !held) continue;
    window.entries.push_back(written);
    if (held) continue;
    if (inserted && all.size() > depth) window.fallen.push_back(at(side, depth).price);
    if (written.qty == 0 && all.size() >= depth) window.entries.push_back(at(side, depth - 1));
  }
}

void MarketBook::truncate(size_t depth) {
  for (auto& all : sides_) {
    if (all.size() <= depth) continue;
    all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(depth));
  }
}

void MarketBook::clear() {
  begin_message();
  for (auto& all : sides_) all.clear();
}

uint32_t MarketBook::checksum() const {
  ChecksumText digits;
  for (const BookSide side : {BookSide::ask, BookSide::bid}) {
    const size_t count = std::min(checksum_levels, size(side));
    for (size_t rank = 0; rank < count; ++rank) digits.add(at(side, rank));
  }
  return crc32_ieee(digits.text());
}

uint32_t MarketBook::checksum_with_bid(MarketLevel bid) const {
  MarketBook copy(price_decimals_, qty_decimals_);
  for (const BookSide side : {BookSide::ask, BookSide::bid}) {
    for (const MarketLevel level : top(side, checksum_levels)) {
      copy.write(side, level.price, level.qty);
    }
  }
  copy.write(BookSide::bid, bid.price, bid.qty);
  return copy.checksum();
}

}  // namespace havklo::replay
