// A message in the layout that the venue uses is read without a parser (book_layout.hpp,
// trade_layout.hpp). Any other gets two looks: first its kind, whatever the order of its keys, then
// the rows of that kind.
#include "kraken/decode.hpp"

#include <simdjson.h>

#include <array>
#include <havklo/limits.hpp>
#include <vector>

#include "kraken/book_layout.hpp"
#include "kraken/trade_layout.hpp"

namespace havklo::kraken {
namespace {

namespace od = simdjson::ondemand;
static_assert(simdjson::SIMDJSON_PADDING <= receive_padding);

using Result = std::expected<void, DecodeError>;

std::unexpected<DecodeError> fail(DecodeError error) { return std::unexpected(error); }

DecodeError classify(simdjson::error_code error) {
  switch (error) {
    case simdjson::INCORRECT_TYPE:
      return DecodeError::wrong_type;
    case simdjson::NO_SUCH_FIELD:
      return DecodeError::missing_key;
    case simdjson::NUMBER_ERROR:
    case simdjson::NUMBER_OUT_OF_RANGE:
      return DecodeError::number_out_of_range;
    default:
      return DecodeError::not_json;
  }
}

Result read(od::value value, std::string_view& out) {
  if (const auto error = value.get_string().get(out)) return fail(classify(error));
  return {};
}
Result read(od::value value, uint64_t& out) {
  if (const auto error = value.get_uint64().get(out)) return fail(classify(error));
  return {};
}
// The digits; the token ends with white space or punctuation, which a number never holds.
Result read_number(od::value value, std::string_view& digits) {
  od::json_type type;
  if (const auto error = value.type().get(type)) return fail(classify(error));
  if (type != od::json_type::number) return fail(DecodeError::wrong_type);
  digits = value.raw_json_token();
  while (!digits.empty() && static_cast<unsigned char>(digits.back()) <= ' ') {
    digits.remove_suffix(1);
  }
  return {};
}
Result read(od::value value, Decimal& out) {
  std::string_view digits;
  if (Result got = read_number(value, digits); !got) return got;
  return parse_decimal(digits, out) ? Result{} : fail(DecodeError::number_out_of_range);
}
// A statistic: what does not fit loses its last places. A day's volume of a pair that costs next to
// nothing has more digits than 64 bits; no checksum is made of them.
Result read_statistic(od::value value, Decimal& out) {
  std::string_view digits;
  if (Result got = read_number(value, digits); !got) return got;
  const bool has_power = digits.find_first_of("eE") != std::string_view::npos;
  while (!parse_decimal(digits, out)) {
    const bool has_places = digits.find('.') != std::string_view::npos;
    if (has_power || !has_places) return fail(DecodeError::number_out_of_range);
    digits.remove_suffix(digits[digits.size() - 2] == '.' ? 2 : 1);
  }
  return {};
}
Result read_time(od::value value, int64_t& out) {
  std::string_view text;
  if (auto done = read(value, text); !done) return done;
  return parse_timestamp(text, out) ? Result{} : fail(DecodeError::bad_timestamp);
}

SystemStatus system_named(std::string_view name) {
  for (const SystemStatus status : {SystemStatus::online, SystemStatus::cancel_only,
                                    SystemStatus::post_only, SystemStatus::maintenance}) {
    if (name == to_string(status)) return status;
  }
  return SystemStatus::unknown;
}

// Calls f(key, value) for every field; f answers a Result. A null says as much as no key at all:
// some servers print what they leave out.
template <class F>
Result for_each_field(od::object object, F&& f) {
  for (auto item : object) {
    od::field field;
    if (const auto error = std::move(item).get(field)) return fail(classify(error));
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return fail(classify(error));
    bool is_null = false;  // what begins like null and is not is an error, not an exception
    if (const auto error = field.value().is_null().get(is_null)) return fail(classify(error));
    if (is_null) continue;
    if (Result done = f(key, field.value()); !done) return done;
  }
  return {};
}

template <class F>
Result for_each_row(od::value data, F&& f) {
  od::array array;
  if (const auto error = data.get_array().get(array)) return fail(classify(error));
  for (auto item : array) {
    od::object row;
    if (const auto error = item.get_object().get(row)) return fail(classify(error));
    if (Result done = f(row); !done) return done;
  }
  return {};
}

// What the first look gathers.
struct Head {
  std::string_view channel;
  std::string_view type;
  std::string_view method;
  std::string_view bare_error;
  bool has_data = false;
};

}  // namespace

struct Decoder::State {
  State() {
    book_room = std::make_unique<BookMessage[]>(message_rows_max);
    trade_room = std::make_unique_for_overwrite<TradeRow[]>(trade_rows_max);
    tickers.reserve(message_rows_max);
    parser_ready = parser.allocate(message_bytes_max + receive_padding) == simdjson::SUCCESS;
  }

  bool read_predicted(std::string_view json, BookListener* listener, MessageKind& kind);
  std::expected<MessageKind, DecodeError> decode(std::string_view json);
  Result read_head(Head& head);
  Result read_ack(Method method);
  Result read_status(od::value data);
  Result read_books(od::value data, bool is_snapshot);
  Result read_levels(od::value list, std::span<const WireLevel>& out);
  Result read_trades(od::value data);
  Result read_tickers(od::value data);

  od::parser parser;
  od::document document;
  bool parser_ready = false;
  Status status;
  Ack ack;
  std::unique_ptr<WireLevel[]> level_room =
      std::make_unique_for_overwrite<WireLevel[]>(book_message_levels_max);
  size_t level_count = 0;  // of those that simdjson found
  BookLayout book_layout{{level_room.get(), book_message_levels_max}};
  TradeLayout trade_layout;
  std::unique_ptr<BookMessage[]> book_room;
  size_t book_count = 0;
  std::unique_ptr<TradeRow[]> trade_room;
  size_t trade_count = 0;
  std::vector<TickerRow> tickers;
};

// What needs no parser. False: nothing is known of the message.
bool Decoder::State::read_predicted(std::string_view json, BookListener* listener,
                                    MessageKind& kind) {
  constexpr std::string_view heartbeat = R"({"channel":"heartbeat"})";
  if (json.size() == heartbeat.size() && json == heartbeat) {
    kind = MessageKind::heartbeat;
    return true;
  }
  book_count = 1;
  if (book_layout.read(json, book_room[0], listener)) {
    kind = MessageKind::book;
    return true;
  }
  kind = MessageKind::trades;
  return trade_layout.read(json, {trade_room.get(), trade_rows_max}, trade_count);
}

std::expected<MessageKind, DecodeError> Decoder::State::decode(std::string_view json) {
  if (!parser_ready || json.size() > message_bytes_max) return fail(DecodeError::not_json);
  const simdjson::padded_string_view padded(json.data(), json.size(),
                                            json.size() + receive_padding);
  if (const auto error = parser.iterate(padded).get(document)) return fail(classify(error));
  Head head;
  if (Result done = read_head(head); !done) return fail(done.error());
  if (!document.current_location().error()) return fail(DecodeError::not_json);
  if (!head.bare_error.empty()) return MessageKind::bare_error;
  if (!head.method.empty()) {
    if (head.method == "pong") return MessageKind::pong;
    const bool subscribes = head.method == "subscribe";
    if (!subscribes && head.method != "unsubscribe") return MessageKind::other;
    const Result done = read_ack(subscribes ? Method::subscribe : Method::unsubscribe);
    return done ? std::expected<MessageKind, DecodeError>(MessageKind::ack) : fail(done.error());
  }
  if (head.channel == "heartbeat") return MessageKind::heartbeat;
  struct Known {
    std::string_view channel;
    MessageKind kind;
  };
  constexpr std::array<Known, 4> known = {{{"book", MessageKind::book},
                                           {"trade", MessageKind::trades},
                                           {"ticker", MessageKind::tickers},
                                           {"status", MessageKind::status}}};
  for (const Known& each : known) {
    if (head.channel != each.channel) continue;
    if (!head.has_data) return fail(DecodeError::missing_key);
    const bool is_snapshot = head.type == "snapshot";
    if (each.kind == MessageKind::book && !is_snapshot && head.type != "update") {
      return fail(DecodeError::missing_key);
    }
    document.rewind();
    od::value data;
    if (const auto error = document["data"].get(data)) return fail(classify(error));
    Result done;
    if (each.kind == MessageKind::book) done = read_books(data, is_snapshot);
    if (each.kind == MessageKind::trades) done = read_trades(data);
    if (each.kind == MessageKind::tickers) done = read_tickers(data);
    if (each.kind == MessageKind::status) done = read_status(data);
    return done ? std::expected<MessageKind, DecodeError>(each.kind) : fail(done.error());
  }
  return MessageKind::other;
}

Result Decoder::State::read_head(Head& head) {
  od::object object;
  if (const auto error = document.get_object().get(object)) return fail(classify(error));
  return for_each_field(object, [&head](std::string_view key, od::value value) -> Result {
    if (key == "channel") return read(value, head.channel);
    if (key == "type") return read(value, head.type);
    if (key == "method") return read(value, head.method);
    if (key == "Error") return read(value, head.bare_error);
    if (key == "data") head.has_data = true;
    return {};
  });
}

Result Decoder::State::read_ack(Method method) {
  ack = {.method = method};
  bool has_success = false;
  document.rewind();
  od::object object;
  if (const auto error = document.get_object().get(object)) return fail(classify(error));
  const Result done = for_each_field(object, [&](std::string_view key, od::value value) -> Result {
    if (key == "success") {
      has_success = true;
      const auto error = value.get_bool().get(ack.success);
      return error ? fail(classify(error)) : Result{};
    }
    if (key == "error") return read(value, ack.error);
    if (key == "symbol") return read(value, ack.symbol);
    if (key == "req_id") {
      uint64_t id = 0;
      if (Result got = read(value, id); !got) return got;
      ack.req_id = id;
      return {};
    }
    if (key != "result") return {};
    od::object result;
    if (const auto error = value.get_object().get(result)) return fail(classify(error));
    return for_each_field(result, [&](std::string_view inner, od::value text) -> Result {
      if (inner == "channel") return read(text, ack.channel);
      if (inner == "symbol") return read(text, ack.symbol);
      return {};
    });
  });
  if (!done) return done;
  return has_success ? Result{} : fail(DecodeError::missing_key);
}

Result Decoder::State::read_status(od::value data) {
  status = {};
  return for_each_row(data, [this](od::object row) {
    return for_each_field(row, [this](std::string_view key, od::value value) -> Result {
      if (key == "api_version") return read(value, status.api_version);
      if (key == "system") {
        std::string_view name;
        if (Result got = read(value, name); !got) return got;
        status.system = system_named(name);
      } else if (key == "connection_id") {
        uint64_t id = 0;
        if (Result got = read(value, id); !got) return got;
        status.connection_id = id;
      }
      return {};
    });
  });
}

Result Decoder::State::read_levels(od::value list, std::span<const WireLevel>& out) {
  const size_t begin = level_count;
  const Result done = for_each_row(list, [this](od::object row) -> Result {
    if (level_count == book_message_levels_max) return fail(DecodeError::too_many_rows);
    Decimal price;
    Decimal qty;
    bool has_price = false;
    bool has_qty = false;
    const Result fields = for_each_field(row, [&](std::string_view key, od::value value) -> Result {
      if (key == "price") {
        has_price = true;
        return read(value, price);
      }
      if (key == "qty") {
        has_qty = true;
        return read(value, qty);
      }
      return {};
    });
    if (!fields) return fields;
    if (!has_price || !has_qty) return fail(DecodeError::missing_key);
    if (price.mantissa < 0 || qty.mantissa < 0) return fail(DecodeError::number_out_of_range);
    level_room[level_count++] = WireLevel(price, qty);
    return {};
  });
  out = {level_room.get() + begin, level_count - begin};
  return done;
}

Result Decoder::State::read_books(od::value data, bool is_snapshot) {
  level_count = 0;
  book_count = 0;
  return for_each_row(data, [this, is_snapshot](od::object row) -> Result {
    if (book_count == message_rows_max) return fail(DecodeError::too_many_rows);
    BookMessage book{.is_snapshot = is_snapshot};
    bool has_checksum = false;
    const Result fields = for_each_field(row, [&](std::string_view key, od::value value) -> Result {
      if (key == "symbol") return read(value, book.symbol);
      if (key == "bids") return read_levels(value, book.bids);
      if (key == "asks") return read_levels(value, book.asks);
      if (key == "timestamp") return read_time(value, book.timestamp_ns);
      if (key != "checksum") return {};
      uint64_t checksum = 0;
      if (Result got = read(value, checksum); !got) return got;
      if (checksum > UINT32_MAX) return fail(DecodeError::number_out_of_range);
      book.checksum = static_cast<uint32_t>(checksum);
      has_checksum = true;
      return {};
    });
    if (!fields) return fields;
    if (!has_checksum || book.symbol.empty()) return fail(DecodeError::missing_key);
    book_room[book_count++] = book;
    return {};
  });
}

Result Decoder::State::read_trades(od::value data) {
  trade_count = 0;
  return for_each_row(data, [this](od::object row) -> Result {
    if (trade_count == trade_rows_max) return fail(DecodeError::too_many_rows);
    TradeRow trade;
    bool has_price = false;
    bool has_qty = false;
    bool has_side = false;
    const Result fields = for_each_field(row, [&](std::string_view key, od::value value) -> Result {
      if (key == "symbol") return read(value, trade.symbol);
      has_price = has_price || key == "price";
      has_qty = has_qty || key == "qty";
      has_side = has_side || key == "side";
      if (key == "price") return read(value, trade.price);
      if (key == "qty") return read(value, trade.qty);
      if (key == "trade_id") return read(value, trade.trade_id);
      if (key == "timestamp") return read_time(value, trade.timestamp_ns);
      if (key != "side") return {};
      std::string_view side;
      if (Result got = read(value, side); !got) return got;
      trade.side = side == "sell" ? TradeSide::sell : TradeSide::buy;
      return side == "sell" || side == "buy" ? Result{} : fail(DecodeError::wrong_type);
    });
    if (!fields) return fields;
    if (trade.symbol.empty() || !has_price || !has_qty || !has_side) {
      return fail(DecodeError::missing_key);
    }
    if (trade.price.mantissa < 0 || trade.qty.mantissa < 0) {
      return fail(DecodeError::number_out_of_range);
    }
    trade_room[trade_count++] = trade;
    return {};
  });
}

Result Decoder::State::read_tickers(od::value data) {
  tickers.clear();
  return for_each_row(data, [this](od::object row) -> Result {
    if (tickers.size() == message_rows_max) return fail(DecodeError::too_many_rows);
    TickerRow ticker;
    const Result fields = for_each_field(row, [&](std::string_view key, od::value value) -> Result {
      if (key == "symbol") return read(value, ticker.symbol);
      if (key == "bid") return read_statistic(value, ticker.bid);
      if (key == "bid_qty") return read_statistic(value, ticker.bid_qty);
      if (key == "ask") return read_statistic(value, ticker.ask);
      if (key == "ask_qty") return read_statistic(value, ticker.ask_qty);
      if (key == "last") return read_statistic(value, ticker.last);
      if (key == "volume") return read_statistic(value, ticker.volume);
      if (key == "timestamp") return read_time(value, ticker.timestamp_ns);
      return {};
    });
    if (!fields) return fields;
    if (ticker.symbol.empty()) return fail(DecodeError::missing_key);
    tickers.push_back(ticker);
    return {};
  });
}

Decoder::Decoder() : state_(std::make_unique<State>()) {}
Decoder::~Decoder() = default;

[[gnu::hot]] std::expected<MessageKind, DecodeError> Decoder::decode(std::string_view json,
                                                                     BookListener* listener) {
  MessageKind kind;
  if (state_->read_predicted(json, listener, kind)) return kind;
  return state_->decode(json);
}
std::expected<MessageKind, DecodeError> Decoder::decode_unpredicted(std::string_view json) {
  return state_->decode(json);
}
const Status& Decoder::status() const { return state_->status; }
const Ack& Decoder::ack() const { return state_->ack; }
std::span<const BookMessage> Decoder::books() const {
  return {state_->book_room.get(), state_->book_count};
}
std::span<const TradeRow> Decoder::trades() const {
  return {state_->trade_room.get(), state_->trade_count};
}
std::span<const TickerRow> Decoder::tickers() const { return state_->tickers; }

std::string_view to_string(DecodeError error) {
  static constexpr std::array<std::string_view, 6> names = {"not_json",      "wrong_type",
                                                            "missing_key",   "number_out_of_range",
                                                            "bad_timestamp", "too_many_rows"};
  return names[static_cast<size_t>(error)];
}

}  // namespace havklo::kraken
