// A message in the layout that the venue uses is read without a parser (kraken/layout). Any other
// gets two looks: first its kind, whatever the order of its keys, then the rows of that kind.
#include "kraken/decode.hpp"

#include <array>
#include <havklo/limits.hpp>

#include "kraken/json_reading.hpp"
#include "kraken/layout/book.hpp"
#include "kraken/layout/trade.hpp"

namespace havklo::kraken {
namespace {

static_assert(simdjson::SIMDJSON_PADDING <= receive_padding);

SystemStatus system_named(std::string_view name) {
  for (const SystemStatus status : {SystemStatus::online, SystemStatus::cancel_only,
                                    SystemStatus::post_only, SystemStatus::maintenance}) {
    if (name == to_string(status)) return status;
  }
  return SystemStatus::unknown;
}

std::expected<MessageKind, DecodeError> answer(const Result& done, MessageKind kind) {
  if (!done) return fail(done.error());
  return kind;
}

// What the first look gathers.
struct Head {
  std::string_view channel;
  std::string_view type;
  std::string_view method;
  std::string_view bare_error;
  bool has_type = false;
};

// A book message is of one of two types; one of another cannot be used, and its books are bad.
RowFault fault_of_type(const Head& head) {
  if (head.type == "snapshot" || head.type == "update") return {};
  return {"type", head.has_type ? DecodeError::wrong_type : DecodeError::missing_key};
}

}  // namespace

struct Decoder::State {
  explicit State(RowRooms& rooms) : rows(rooms) {
    book_room = std::make_unique<BookMessage[]>(message_rows_max);
    parser_ready = parser.allocate(message_bytes_max + receive_padding) == simdjson::SUCCESS;
  }

  bool read_predicted(std::string_view json, BookListener* listener, MessageKind& kind);
  std::expected<MessageKind, DecodeError> decode(std::string_view json);
  Result read_head(Head& head);
  std::expected<MessageKind, DecodeError> decode_other_list();
  Result read_ack(Method method, bool& has_success);
  Result read_status(od::value data);
  Result read_books(od::value data, bool is_snapshot, const RowFault& type_fault);
  Result read_book_field(std::string_view key, od::value value, BookMessage& book);
  Result read_levels(od::value list, std::span<const WireLevel>& out);
  template <class C>
  Result read_rows(od::value data);

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
  RowRooms& rows;
  Channel rows_channel = Channel::trade;
  bool rows_are_snapshot = false;
  bool in_part = false;  // some row or book of the message could not be read
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
  kind = MessageKind::rows;
  rows_channel = Channel::trade;
  auto& trades = std::get<RowRoom<TradeChannel>>(rows);
  return trade_layout.read(json, trades.all(), trades.count, rows_are_snapshot);
}

std::expected<MessageKind, DecodeError> Decoder::State::decode(std::string_view json) {
  if (!parser_ready || json.size() > message_bytes_max) return fail(DecodeError::not_json);
  const simdjson::padded_string_view padded(json.data(), json.size(),
                                            json.size() + receive_padding);
  if (const auto error = parser.iterate(padded).get(document)) return fail(classify(error));
  Head head;
  if (Result done = read_head(head); !done) {
    return done.error() == DecodeError::wrong_type ? decode_other_list() : fail(done.error());
  }
  if (!document.current_location().error()) return fail(DecodeError::not_json);
  if (!head.bare_error.empty()) return MessageKind::bare_error;
  if (!head.method.empty()) {
    if (head.method == "pong") return MessageKind::pong;
    const bool subscribes = head.method == "subscribe";
    if (!subscribes && head.method != "unsubscribe") return MessageKind::other;
    bool has_success = false;  // an answer that does not say which settles nothing
    const Result done = read_ack(subscribes ? Method::subscribe : Method::unsubscribe, has_success);
    return answer(done, has_success ? MessageKind::ack : MessageKind::other);
  }
  if (head.channel == "heartbeat") return MessageKind::heartbeat;
  const bool is_status = head.channel == "status";
  const auto channel = channel_named(head.channel);
  if (!is_status && !channel) return MessageKind::other;
  const bool is_snapshot = head.type == "snapshot";
  const RowFault type_fault = fault_of_type(head);
  document.rewind();  // the head's texts go with it
  status = {};
  od::value data;
  if (const auto error = document["data"].get(data)) {
    if (error != simdjson::NO_SUCH_FIELD) return fail(classify(error));
    return is_status ? MessageKind::status : MessageKind::other;
  }
  if (is_status) return answer(read_status(data), MessageKind::status);
  in_part = false;
  if (channel == Channel::book) {
    const Result done = read_books(data, is_snapshot, type_fault);
    return answer(done, in_part ? MessageKind::book_in_part : MessageKind::book);
  }
  rows_channel = *channel;
  rows_are_snapshot = is_snapshot;
  Result done;
  with_row_channel(*channel, [&]<class C> { done = read_rows<C>(data); });
  return answer(done, in_part ? MessageKind::rows_in_part : MessageKind::rows);
}

// A list says nothing that we know. It must be JSON text all the same.
std::expected<MessageKind, DecodeError> Decoder::State::decode_other_list() {
  od::array list;
  if (const auto error = document.get_array().get(list)) return fail(classify(error));
  for (auto item : list) {
    if (const auto error = item.error()) return fail(classify(error));
  }
  if (!document.current_location().error()) return fail(DecodeError::not_json);
  return MessageKind::other;
}

Result Decoder::State::read_head(Head& head) {
  od::object object;
  if (const auto error = document.get_object().get(object)) return fail(classify(error));
  return for_each_field(object, [&head](std::string_view key, od::value value) -> Result {
    if (key == "channel") return read_if_possible(value, head.channel);
    if (key == "type") {
      head.has_type = true;
      return read_if_possible(value, head.type);
    }
    if (key == "method") return read_if_possible(value, head.method);
    if (key == "Error") return read_if_possible(value, head.bare_error);
    return {};
  });
}

// What cannot be read is as if it were not there: it may belong to one wish of many.
Result Decoder::State::read_ack(Method method, bool& has_success) {
  ack = {.method = method};
  document.rewind();
  od::object object;
  if (const auto error = document.get_object().get(object)) return fail(classify(error));
  return for_each_field(object, [&](std::string_view key, od::value value) -> Result {
    if (key == "success") {
      const auto error = value.get_bool().get(ack.success);
      has_success = has_success || !error;
      return !error || is_partial(classify(error)) ? Result{} : fail(classify(error));
    }
    if (key == "error") return read_if_possible(value, ack.error);
    if (key == "symbol") return read_if_possible(value, ack.symbol);
    if (key == "req_id") return read_if_possible(value, ack.req_id);
    if (key != "result") return {};
    od::object result;
    if (const auto error = value.get_object().get(result)) {
      return is_partial(classify(error)) ? Result{} : fail(classify(error));
    }
    return for_each_field(result, [&](std::string_view inner, od::value text) -> Result {
      if (inner == "channel") return read_if_possible(text, ack.channel);
      if (inner == "symbol") return read_if_possible(text, ack.symbol);
      if (inner == "depth" || inner == "interval") return read_if_possible(text, ack.parameter);
      return {};
    });
  });
}

Result Decoder::State::read_status(od::value data) {
  return for_each_readable_row(data, [this](od::object row) {
    return for_each_field(row, [this](std::string_view key, od::value value) -> Result {
      if (key == "api_version") return read_if_possible(value, status.api_version);
      if (key == "connection_id") return read_if_possible(value, status.connection_id);
      if (key != "system") return {};
      std::string_view name;
      const Result done = read_if_possible(value, name);
      status.system = system_named(name);
      return done;
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

Result Decoder::State::read_book_field(std::string_view key, od::value value, BookMessage& book) {
  if (key == "symbol") return read(value, book.symbol);
  if (key == "bids") return read_levels(value, book.bids);
  if (key == "asks") return read_levels(value, book.asks);
  if (key == "timestamp") return read(value, book.time);
  if (key != "checksum") return {};
  return read(value, book.checksum);
}

// A level that cannot be held makes its book bad, and no other. One without a symbol is nobody's.
Result Decoder::State::read_books(od::value data, bool is_snapshot, const RowFault& type_fault) {
  level_count = 0;
  book_count = 0;
  return for_each_readable_row(data, [this, is_snapshot, &type_fault](od::object row) -> Result {
    if (book_count == message_rows_max) return fail(DecodeError::too_many_rows);
    const size_t levels_before = level_count;
    BookMessage book{.is_snapshot = is_snapshot, .fault = type_fault};
    bool has_checksum = false;
    const Result fields = for_each_field(row, [&](std::string_view key, od::value value) -> Result {
      has_checksum = has_checksum || key == "checksum";
      const Result done = read_book_field(key, value, book);
      if (done || !is_partial(done.error())) return done;
      if (book.fault.key.empty()) book.fault = {key, done.error()};
      return {};
    });
    if (!fields) return fields;
    if (book.symbol.empty()) {
      level_count = levels_before;
      return {};
    }
    if (!has_checksum && book.fault.key.empty()) {
      book.fault = {"checksum", DecodeError::missing_key};
    }
    in_part = in_part || !book.fault.key.empty();
    book_room[book_count++] = book;
    return {};
  });
}

template <class C>
Result Decoder::State::read_rows(od::value data) {
  RowRoom<C>& room = std::get<RowRoom<C>>(rows);
  room.count = 0;
  od::value list = data;
  if constexpr (!C::facts.rows_key.empty()) {
    const auto error = data[C::facts.rows_key].get(list);
    if (error) return is_partial(classify(error)) ? Result{} : fail(classify(error));
  }
  return for_each_readable_row(list, [this, &room](od::object object) -> Result {
    if (room.count == C::rows_max) return fail(DecodeError::too_many_rows);
    auto& row = room.rows[room.count];
    if (Result done = read_row<C>(object, row); !done) return done;
    if (row.symbol.empty()) return {};
    in_part = in_part || !row.fault.key.empty();
    ++room.count;
    return {};
  });
}

Decoder::Decoder() : state_(std::make_unique<State>(rows_)) {}
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
Channel Decoder::rows_channel() const { return state_->rows_channel; }
bool Decoder::rows_are_snapshot() const { return state_->rows_are_snapshot; }

std::string_view to_string(DecodeError error) {
  static constexpr std::array<std::string_view, 6> names = {"not_json",      "wrong_type",
                                                            "missing_key",   "number_out_of_range",
                                                            "bad_timestamp", "too_many_rows"};
  return names[static_cast<size_t>(error)];
}

}  // namespace havklo::kraken
