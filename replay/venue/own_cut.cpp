// Updates put together as text, and the book that their reader gets.
#include "replay/venue/own_cut.hpp"

#include <algorithm>

namespace havklo::replay {
namespace {

constexpr std::string_view bids_begin = R"("bids":[)";
constexpr std::string_view asks_begin = R"(],"asks":[)";
constexpr std::string_view price_key = R"("price":)";
constexpr std::string_view qty_key = R"("qty":)";

// A number of as many decimals as all of its kind.
int64_t digits_at(std::string_view text) {
  int64_t number = 0;
  for (const char c : text) {
    if (c == '.') continue;
    if (c < '0' || c > '9') break;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::vector<MarketLevel> levels_in(std::string_view text) {
  std::vector<MarketLevel> levels;
  for (size_t at = text.find(price_key); at != std::string_view::npos;
       at = text.find(price_key, at + 1)) {
    const size_t qty = text.find(qty_key, at) + qty_key.size();
    levels.push_back({digits_at(text.substr(at + price_key.size())), digits_at(text.substr(qty))});
  }
  return levels;
}

// As a client does: all levels of the message, then what lies beyond the depth goes.
std::vector<MarketLevel> applied(std::vector<MarketLevel> levels,
                                 const std::vector<MarketLevel>& told, BookSide side,
                                 size_t depth) {
  for (const MarketLevel& each : told) {
    const auto place = std::ranges::find_if(levels, [&](const MarketLevel& level) {
      return side == BookSide::bid ? level.price <= each.price : level.price >= each.price;
    });
    const bool present = place != levels.end() && place->price == each.price;
    if (present && each.qty == 0) {
      levels.erase(place);
    } else if (present) {
      place->qty = each.qty;
    } else if (each.qty != 0) {
      levels.insert(place, each);
    }
  }
  levels.resize(std::min(levels.size(), depth));
  return levels;
}

void append_list(std::string& list, std::string_view more) {
  if (!list.empty() && !more.empty()) list += ',';
  list += more;
}

}  // namespace

OwnCut::Book* OwnCut::find(uint32_t symbol) {
  const auto found = std::ranges::find(books_, symbol, &Book::symbol);
  return found == books_.end() ? nullptr : &*found;
}

void OwnCut::begin(uint32_t symbol, uint32_t depth, const MarketBook& book) {
  forget(symbol);
  Book& begun = books_.emplace_back();
  begun.symbol = symbol;
  begun.depth = depth;
  begun.bids.had = book.top(BookSide::bid, depth);
  begun.asks.had = book.top(BookSide::ask, depth);
}

void OwnCut::forget(uint32_t symbol) {
  std::erase_if(books_, [symbol](const Book& each) { return each.symbol == symbol; });
}

std::vector<std::string> OwnCut::add(uint32_t symbol, std::string_view update,
                                     const MarketBook& venues, Instant now) {
  std::vector<std::string> leaving;
  Book* const book = find(symbol);
  if (book == nullptr) {
    leaving.emplace_back(update);
    return leaving;
  }
  if (book->moves_left != 0 && !hold(*book, update, venues)) leaving.push_back(write(*book));
  if (book->moves_left == 0) {
    book->moves_left = 1 + random_.below(moves_max);
    book->until = now + Duration{1 + static_cast<int64_t>(random_.below(std::max<uint64_t>(
                                         1, static_cast<uint64_t>(hold_max_.ns))))};
    if (!hold(*book, update, venues)) {  // something else has broken the client's book
      forget(symbol);
      leaving.emplace_back(update);
      return leaving;
    }
  }
  if (--book->moves_left == 0) leaving.push_back(write(*book));
  return leaving;
}

bool OwnCut::hold(Book& book, std::string_view update, const MarketBook& venues) {
  const size_t bids = update.find(bids_begin) + bids_begin.size();
  const size_t bids_end = update.find(asks_begin, bids);
  const size_t asks = bids_end + asks_begin.size();
  const size_t asks_end = update.find(']', asks);
  const std::string_view more_bids = update.substr(bids, bids_end - bids);
  const std::string_view more_asks = update.substr(asks, asks_end - asks);
  std::vector<MarketLevel> told_bids = book.bids.told;
  std::vector<MarketLevel> told_asks = book.asks.told;
  std::ranges::copy(levels_in(more_bids), std::back_inserter(told_bids));
  std::ranges::copy(levels_in(more_asks), std::back_inserter(told_asks));
  const bool right = applied(book.bids.had, told_bids, BookSide::bid, book.depth) ==
                         venues.top(BookSide::bid, book.depth) &&
                     applied(book.asks.had, told_asks, BookSide::ask, book.depth) ==
                         venues.top(BookSide::ask, book.depth);
  if (!right) return false;
  book.bids.told = std::move(told_bids);
  book.asks.told = std::move(told_asks);
  append_list(book.bids.text, more_bids);
  append_list(book.asks.text, more_asks);
  book.head = update.substr(0, bids);
  book.tail = update.substr(asks_end);
  return true;
}

// And the client has what it says.
std::string OwnCut::write(Book& book) {
  std::string text = book.head + book.bids.text;
  text += asks_begin;
  text += book.asks.text + book.tail;
  for (const BookSide which : {BookSide::bid, BookSide::ask}) {
    Side& side = which == BookSide::bid ? book.bids : book.asks;
    side.had = applied(std::move(side.had), side.told, which, book.depth);
    side.told.clear();
    side.text.clear();
  }
  book.moves_left = 0;
  return text;
}

std::optional<std::string> OwnCut::take(uint32_t symbol) {
  Book* const book = find(symbol);
  if (book == nullptr || book->moves_left == 0) return std::nullopt;
  return write(*book);
}

std::optional<uint32_t> OwnCut::due(Instant now) const {
  for (const Book& each : books_) {
    if (each.moves_left != 0 && each.until <= now) return each.symbol;
  }
  return std::nullopt;
}

Instant OwnCut::next_deadline() const {
  Instant next = Instant::never();
  for (const Book& each : books_) {
    if (each.moves_left != 0) next = std::min(next, each.until);
  }
  return next;
}

}  // namespace havklo::replay
