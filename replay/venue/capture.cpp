// Reads a capture once, then hands its frames out in time.
#include "replay/venue/capture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <havklo/limits.hpp>

#include "kraken/decode.hpp"
#include "replay/venue/messages.hpp"

namespace havklo::replay {
namespace {

// The number behind a key of an ack; 0 if there is none.
uint32_t number_behind(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return 0;
  uint32_t value = 0;
  const std::string_view digits = line.substr(at + key.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

uint8_t decimals_of(Decimal value) { return static_cast<uint8_t>(-value.exponent); }

void write_levels(MarketBook& book, BookSide side, std::span<const kraken::WireLevel> levels) {
  for (const kraken::WireLevel& level : levels) {
    book.write(side, level.price_mantissa, level.qty_mantissa);
  }
}

}  // namespace

std::expected<CaptureFeed, std::string> CaptureFeed::parse(std::string_view jsonl,
                                                           uint32_t frames_per_second) {
  CaptureFeed feed;
  int64_t clock_us = 0;
  int64_t first_us = 0;
  size_t number = 0;
  while (!jsonl.empty()) {
    const size_t end = jsonl.find('\n');
    const std::string_view line = jsonl.substr(0, end);
    jsonl.remove_prefix(end == std::string_view::npos ? jsonl.size() : end + 1);
    ++number;
    if (line.empty()) continue;
    if (const std::string error = feed.read_line(line, clock_us, first_us); !error.empty()) {
      return std::unexpected(fmt::format("line {}: {}", number, error));
    }
  }
  if (feed.frames_.empty()) return std::unexpected("no message of a channel that we know in it");
  if (frames_per_second != 0) {
    for (size_t i = 0; i < feed.frames_.size(); ++i) {
      feed.frames_[i].at = {static_cast<int64_t>(i) * 1'000'000'000 / frames_per_second};
    }
  }
  return feed;
}

// "" or what is wrong.
std::string CaptureFeed::read_line(std::string_view line, int64_t& clock_us, int64_t& first_us) {
  kraken::Decoder decoder;
  std::string padded(line);
  padded.append(receive_padding, '\0');
  const auto kind = decoder.decode(std::string_view(padded).substr(0, line.size()));
  if (!kind) return "not a message of Kraken v2";
  Frame frame;
  int64_t time_us = 0;
  switch (*kind) {
    case kraken::MessageKind::ack: {
      const kraken::Ack& ack = decoder.ack();
      const auto channel = channel_named(ack.channel);
      if (ack.success && ack.method == kraken::Method::subscribe && channel == Channel::book) {
        Symbol& symbol = symbols_[intern(ack.symbol)];
        symbol.depth() = number_behind(line, "\"depth\":");
        symbol.listed[0] = true;
      }
      return "";
    }
    case kraken::MessageKind::book: {
      if (decoder.books().size() != 1) return "a book message of several symbols";
      const kraken::BookMessage& message = decoder.books().front();
      frame.symbol = intern(message.symbol);
      frame.snapshot = message.is_snapshot;
      Symbol& symbol = symbols_[frame.symbol];
      const auto& any = message.bids.empty() ? message.asks : message.bids;
      if (!any.empty() && !symbol.decimals_known) {
        symbol.decimals_known = true;
        symbol.book = MarketBook(decimals_of(any[0].price()), decimals_of(any[0].qty()));
      }
      if (symbol.depth() == 0) symbol.depth() = 10;
      symbol.listed[0] = true;
      time_us = message.is_snapshot ? 0 : message.time.ns / 1000;
      break;
    }
    case kraken::MessageKind::rows:
    case kraken::MessageKind::rows_in_part:
      frame.channel = decoder.rows_channel();
      frame.symbol = every_symbol;
      kraken::with_row_channel(frame.channel, [&]<class C> {
        if (decoder.rows<C>().empty()) return;
        time_us = note_row<C>(decoder.rows<C>().front(), frame);
      });
      if (frame.symbol == every_symbol && kraken::facts_of(frame.channel).names_symbols) return "";
      break;
    case kraken::MessageKind::book_in_part:
      return "a book that cannot be read";
    default:
      return "";
  }
  clock_us = std::max(clock_us, time_us);
  if (first_us == 0) first_us = clock_us;
  frame.at = Duration::microseconds(clock_us - first_us);
  frame.text = line;
  frames_.push_back(std::move(frame));
  return "";
}

// The instant that the row says, or 0.
template <class C>
int64_t CaptureFeed::note_row(const typename C::Row& row, Frame& frame) {
  if constexpr (C::facts.names_symbols) {
    frame.symbol = intern(row.symbol);
    Symbol& symbol = symbols_[frame.symbol];
    const auto index = static_cast<uint8_t>(C::facts.channel);
    symbol.listed[index] = true;
    if constexpr (requires { row.interval_minutes; }) {
      symbol.parameters[index] = static_cast<uint32_t>(row.interval_minutes);
    }
  } else {
    if (!pairs_) pairs_ = frames_.size();
  }
  if constexpr (requires { row.time; }) return row.time.ns / 1000;
  return 0;
}

uint32_t CaptureFeed::intern(std::string_view name) {
  if (const auto known = find(name)) return *known;
  symbols_.push_back({.name = std::string(name)});
  return symbol_count() - 1;
}

bool CaptureFeed::serves(Channel channel, uint32_t symbol, uint32_t parameter) const {
  if (!kraken::facts_of(channel).names_symbols) return pairs_.has_value();
  if (symbol >= symbols_.size()) return false;
  const auto index = static_cast<uint8_t>(channel);
  return symbols_[symbol].listed[index] && symbols_[symbol].parameters[index] == parameter;
}

void CaptureFeed::resume(Instant now) {
  if (started_) return;
  started_ = true;
  origin_ = now;
}

Instant CaptureFeed::next_deadline() const {
  if (!started_ || next_ == frames_.size()) return Instant::never();
  return origin_ + frames_[next_].at;
}

void CaptureFeed::advance(Instant now, FeedSink& sink) {
  while (next_deadline() <= now) {
    const Frame& frame = frames_[next_++];
    apply(frame);
    const uint32_t parameter =
        frame.symbol == every_symbol
            ? 0
            : symbols_[frame.symbol].parameters[static_cast<uint8_t>(frame.channel)];
    if (!sink.wants(frame.channel, frame.symbol, parameter)) continue;
    sink.on_message(frame.channel, frame.symbol, parameter, frame.text, false);
  }
}

void CaptureFeed::apply(const Frame& frame) {
  if (frame.channel != Channel::book) return;
  kraken::Decoder decoder;
  std::string padded = frame.text;
  padded.append(receive_padding, '\0');
  static_cast<void>(decoder.decode(std::string_view(padded).substr(0, frame.text.size())));
  const kraken::BookMessage& message = decoder.books().front();
  Symbol& symbol = symbols_[frame.symbol];
  if (message.is_snapshot) symbol.book.clear();
  symbol.book.begin_message();
  write_levels(symbol.book, BookSide::bid, message.bids);
  write_levels(symbol.book, BookSide::ask, message.asks);
  symbol.book.truncate(symbol.depth());
  symbol.has_book = true;
  symbol.changed_us = message.time.ns / 1000;
}

void CaptureFeed::append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                                  std::string& out) const {
  if (symbol == every_symbol) {
    if (pairs_) out += frames_[*pairs_].text;
    return;
  }
  const Symbol& of = symbols_[symbol];
  if (channel != Channel::book || !of.has_book) return;
  const auto bids = of.book.top(BookSide::bid, parameter);
  const auto asks = of.book.top(BookSide::ask, parameter);
  append_book(out, {.symbol = of.name,
                    .snapshot = true,
                    .bids = bids,
                    .asks = asks,
                    .price_decimals = of.book.price_decimals(),
                    .qty_decimals = of.book.qty_decimals(),
                    .checksum = of.book.checksum(),
                    .utc_us = of.changed_us});
}

}  // namespace havklo::replay
