// What cannot be read costs the smallest thing that it belongs to (design 1.1): a field, a row, a
// book; the whole message only when it is no JSON text.
// Method: each value that a field cannot be, in each place, beside what is good.
#include <gtest/gtest.h>

#include <havklo/limits.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kraken/decode.hpp"

namespace havklo::kraken {
namespace {

class KrakenMalformed : public testing::Test {
 protected:
  std::expected<MessageKind, DecodeError> decode(std::string_view json) {
    text_ = json;
    text_.append(receive_padding, '\0');
    return decoder_.decode(std::string_view(text_).substr(0, json.size()));
  }
  Decoder decoder_;
  std::string text_;
};

TEST_F(KrakenMalformed, RefusesWhatIsNoJsonObject) {
  const std::pair<const char*, DecodeError> rows[] = {
      {"", DecodeError::not_json},
      {"7", DecodeError::wrong_type},
      {"[1", DecodeError::not_json},
      {"[1]]", DecodeError::not_json},
      {"{\"channel\":\"book\"", DecodeError::not_json},
      {R"({"channel":"heartbeat","type":nulx})", DecodeError::not_json},
      {R"({"channel":"heartbeat","type":"\q"})", DecodeError::not_json},
      {R"({"method":"subscribe","success":nulx})", DecodeError::not_json},
      {R"({"method":"subscribe","success":true}})", DecodeError::not_json},
      {R"({"channel":"book","type":"update","data":[{"symbol":"A/B","checksum":1)",
       DecodeError::not_json},
      {R"({"channel":"trade","type":"update","data":[{"symbol":"A/B",7]})", DecodeError::not_json},
  };
  for (const auto& [json, error] : rows) {
    const auto kind = decode(json);
    ASSERT_FALSE(kind.has_value()) << json;
    EXPECT_EQ(kind.error(), error) << json;
  }
}

// Values that no field of ours can be: what is said by one of them is as if it were not said.
constexpr const char* strange_values[] = {"null",
                                          "true",
                                          "-1",
                                          "1.5",
                                          "999999999999999999999",
                                          R"("x")",
                                          "[]",
                                          R"([{"a":[1]}])",
                                          "{}",
                                          R"({"a":{"b":1}})"};

TEST_F(KrakenMalformed, WhatSaysNothingOfUseIsSkipped) {
  for (const char* json :
       {"[]", "[1]", R"([336,[["1.5","2"]],"book-10","XBT/USD"])", "{}", R"({"channel":7})",
        R"({"method":5})", R"({"Error":{"a":1}})", R"({"channel":null,"method":null})",
        R"({"channel":"book","type":"update","da\u0074a":[]})"}) {
    EXPECT_EQ(decode(json), MessageKind::other) << json;
  }
  for (const char* channel : {"book", "trade", "ticker", "ohlc", "instrument", "status"}) {
    const std::string head = R"({"channel":")" + std::string(channel) + R"(","type":"update")";
    std::vector<std::string> messages = {head + "}"};
    for (const char* value : strange_values) {
      messages.push_back(head + R"(,"data":)" + value + "}");
      messages.push_back(R"({"data":)" + std::string(value) + "," + head.substr(1) + "}");
      messages.push_back(head + R"(,"data":{"pairs":)" + value + "}}");
    }
    for (const std::string& json : messages) {
      const auto kind = decode(json);
      ASSERT_TRUE(kind.has_value()) << json << ": " << to_string(kind.error());
      if (*kind == MessageKind::book) {
        EXPECT_TRUE(decoder_.books().empty()) << json;
      }
    }
  }
}

TEST_F(KrakenMalformed, ReadsOfAnAnswerWhatCanBeRead) {
  const std::map<std::string, std::string> fields = {
      {"success", "true"},
      {"req_id", "7"},
      {"symbol", R"("A/B")"},
      {"error", R"("E")"},
      {"result", R"({"channel":"book","symbol":"A/B"})"},
      {"result.channel", R"("book")"},
  };
  for (const auto& [changed, usual] : fields) {
    for (const char* const value : strange_values) {
      const auto field = [&](const std::string& key) {
        return '"' + key + R"(":)" + (key == changed ? value : fields.at(key)) + ',';
      };
      const std::string result =
          changed == "result.channel"
              ? R"("result":{"channel":)" + std::string(value) + R"(,"symbol":"A/B"},)"
              : field("result");
      const std::string json = "{" + field("req_id") + field("success") + field("symbol") +
                               field("error") + result + R"("method":"subscribe"})";
      const auto kind = decode(json);
      const std::string_view given = value;
      const bool settles = changed != "success" || given == "true";
      ASSERT_EQ(kind, settles ? MessageKind::ack : MessageKind::other) << json;
      if (!settles) continue;
      const Ack& ack = decoder_.ack();
      EXPECT_TRUE(ack.success) << json;
      EXPECT_EQ(ack.req_id, changed == "req_id" ? std::nullopt : std::optional<uint64_t>(7))
          << json;
      const bool text = given == R"("x")";
      EXPECT_EQ(ack.error, changed != "error" ? "E" : text ? "x" : "") << json;
      const bool is_channel = changed == "result.channel";
      EXPECT_EQ(ack.channel, is_channel && text                  ? "x"
                             : is_channel || changed == "result" ? ""
                                                                 : "book")
          << json;
      if (changed != "symbol") {
        EXPECT_EQ(ack.symbol, "A/B") << json;
      }
    }
  }
  EXPECT_EQ(decode(R"({"method":"subscribe","result":{"channel":"book","symbol":"A/B"}})"),
            MessageKind::other);
}

TEST_F(KrakenMalformed, AGreetingIsOneWhateverItsFields) {
  for (const char* const key : {"connection_id", "system", "api_version", "version"}) {
    for (const char* const value : strange_values) {
      const std::string json = R"({"channel":"status","type":)" + std::string(value) +
                               R"(,"data":[null,{")" + key + R"(":)" + value + R"(}]})";
      EXPECT_EQ(decode(json), MessageKind::status) << json;
      EXPECT_EQ(decoder_.status().system, SystemStatus::unknown) << json;
      EXPECT_FALSE(decoder_.status().connection_id.has_value()) << json;
    }
  }
}

// Of a message whose other rows are good.
TEST_F(KrakenMalformed, ARowThatNamesNobodyIsLeftOut) {
  const std::string book = R"({"symbol":"C/D","bids":[{"price":1,"qty":2}],"checksum":5})";
  const std::string trade = R"({"symbol":"C/D","side":"buy","price":1,"qty":2,"trade_id":7,)"
                            R"("timestamp":"2026-07-07T23:00:04.585581Z"})";
  std::vector<std::string> strangers = {R"({"bids":[{"price":1,"qty":2}],"checksum":5})",
                                        R"({"checksum":"x","bids":[{"price":[]}]})"};
  for (const char* const value : strange_values) {
    if (value != std::string_view("\"x\"")) {
      strangers.push_back(R"({"bids":[{"price":1,"qty":2}],"symbol":)" + std::string(value) + "}");
    }
    strangers.emplace_back(value);
  }
  strangers.emplace_back(R"({"symbol":""})");
  for (const std::string& stranger : strangers) {
    for (const bool first : {true, false}) {
      const auto rows = [&](const std::string& good) {
        return "[" + (first ? stranger + "," + good : good + "," + stranger) + "]}";
      };
      const std::string books = R"({"channel":"book","type":"update","data":)" + rows(book);
      ASSERT_EQ(decode(books), MessageKind::book) << books;
      ASSERT_EQ(decoder_.books().size(), 1U) << books;
      EXPECT_EQ(decoder_.books()[0].symbol, "C/D");
      ASSERT_EQ(decoder_.books()[0].bids.size(), 1U) << books;
      EXPECT_EQ(decoder_.books()[0].bids[0].qty(), (Decimal{2, 0}));
      const std::string trades = R"({"channel":"trade","type":5,"data":)" + rows(trade);
      ASSERT_EQ(decode(trades), MessageKind::rows) << trades;
      ASSERT_EQ(decoder_.rows<TradeChannel>().size(), 1U) << trades;
      EXPECT_EQ(decoder_.rows<TradeChannel>()[0].trade_id, 7U);
    }
  }
}

// Nobody knows whether it replaces the book or changes it.
TEST_F(KrakenMalformed, ABookMessageOfAnUnknownTypeMarksEachOfItsBooks) {
  const auto check = [this](const std::string& type, const char* fault) {
    const std::string json = R"({"channel":"book",)" + type +
                             R"("data":[{"symbol":"A/B","bids":[],"asks":[],"checksum":5},)"
                             R"({"symbol":"C/D","bids":7,"asks":[]}]})";
    ASSERT_EQ(decode(json), MessageKind::book_in_part) << json;
    ASSERT_EQ(decoder_.books().size(), 2U);
    for (const BookMessage& book : decoder_.books()) {
      EXPECT_EQ(std::string(book.fault.key) + ": " + std::string(to_string(book.fault.error)),
                fault)
          << json;
    }
  };
  check("", "type: missing_key");
  check(R"("type":null,)", "type: missing_key");
  for (const char* type : {"5", "true", "[]", "{}", R"("")", R"("snapshut")", R"("partial")"}) {
    check(R"("type":)" + std::string(type) + ",", "type: wrong_type");
  }
}

// One book of the message is bad; the others are as they were.
TEST_F(KrakenMalformed, ABookThatCannotBeReadIsMarkedBesideAGoodOne) {
  const std::pair<const char*, const char*> rows[] = {
      {R"("bids":[],"asks":[])", "checksum: missing_key"},
      {R"("checksum":4294967296)", "checksum: number_out_of_range"},
      {R"("checksum":"1")", "checksum: wrong_type"},
      {R"("checksum":1,"bids":[{"price":-1,"qty":1}])", "bids: number_out_of_range"},
      {R"("checksum":1,"bids":[{"price":1e-19,"qty":1}])", "bids: number_out_of_range"},
      {R"("checksum":1,"asks":[{"price":null,"qty":1}])", "asks: missing_key"},
      {R"("checksum":1,"asks":[{"price":1,"qty":100000000000.00000000}])",
       "asks: number_out_of_range"},
      {R"("checksum":1,"bids":7)", "bids: wrong_type"},
      {R"("bids":[{"price":1,"qty":1},{"price":[1],"qty":1},{"price":1,"qty":1}],"checksum":1)",
       "bids: wrong_type"},
      {R"("checksum":1,"timestamp":"2026-07-07T23:00:04.123456789012Z")",
       "timestamp: bad_timestamp"},
  };
  const std::string good = R"({"symbol":"C/D","bids":[{"price":1,"qty":2}],"checksum":5})";
  for (const auto& [fields, fault] : rows) {
    const std::string bad = R"({"symbol":"A/B",)" + std::string(fields) + "}";
    for (const std::string& books : {bad + "," + good, good + "," + bad}) {
      const auto kind = decode(R"({"channel":"book","type":"update","data":[)" + books + "]}");
      ASSERT_EQ(kind, MessageKind::book_in_part) << books;
      ASSERT_EQ(decoder_.books().size(), 2U) << books;
      for (const BookMessage& book : decoder_.books()) {
        if (book.symbol == "A/B") {
          EXPECT_EQ(std::string(book.fault.key) + ": " + std::string(to_string(book.fault.error)),
                    fault);
        } else {
          EXPECT_TRUE(book.fault.key.empty()) << books;
          EXPECT_EQ(book.bids.size(), 1U) << books;
        }
      }
    }
  }
}

// A number that is cut to its room, or a day that no calendar has, would be told as another one.
// Method: one field of a good row changed, read with prediction and without.
class ARow : public KrakenMalformed {
 protected:
  struct Good {
    std::string before;  // the row
    std::string row;
    std::string after;
  };
  template <class C>
  std::string fault_of(const Good& good, const std::string& field, const std::string& value) {
    const std::string key = '"' + field + "\":";
    const size_t begin = good.row.find(key) + key.size();
    const size_t end = good.row.find_first_of(",}", begin);
    std::string row = good.row;
    row.replace(begin, end - begin, value);
    const std::string json = good.before + row + good.after;
    std::string told;
    for (const bool predicts : {true, false}) {
      text_ = json;
      text_.append(receive_padding, '\0');
      const auto text = std::string_view(text_).substr(0, json.size());
      const auto kind = predicts ? decoder_.decode(text) : decoder_.decode_unpredicted(text);
      const auto rows = decoder_.rows<C>();
      if (!kind || rows.size() != 1) return "not one row";
      const RowFault& fault = rows.front().fault;
      const bool whole = *kind == MessageKind::rows;
      const std::string now =
          whole ? "" : std::string(fault.key) + ": " + std::string(to_string(fault.error));
      EXPECT_TRUE(predicts || told == now) << json << ": " << told << ", " << now;
      told = now;
    }
    return told;
  }
};

TEST_F(ARow, OfWhichANumberOrATimeDoesNotFitIsMarked) {
  const std::string too_long = "18446744073709551616";  // 2^64
  const Good candle = {
      R"({"channel":"ohlc","type":"update","data":[)",
      R"({"symbol":"A/B","open":1,"high":1,"low":1,"close":1,"trades":3,"volume":1,"vwap":1,)"
      R"("interval_begin":"2026-09-25T17:48:00.000000000Z","interval":5})",
      "]}"};
  EXPECT_EQ(fault_of<OhlcChannel>(candle, "interval", "65535"), "");
  for (const std::string& bad : {std::string("65536"), std::string("65537"),
                                 std::string("4294967297"), too_long, std::string("-1")}) {
    EXPECT_EQ(fault_of<OhlcChannel>(candle, "interval", bad), "interval: number_out_of_range")
        << bad;
  }
  EXPECT_EQ(fault_of<OhlcChannel>(candle, "trades", too_long), "trades: number_out_of_range");
  EXPECT_EQ(fault_of<OhlcChannel>(candle, "trades", R"("3")"), "trades: wrong_type");
  for (const char* bad : {R"("1970-01-01T00:00:00.000000+23:59")", R"("2026-02-31T17:48:00Z")",
                          R"("2262-01-01T00:00:00Z")"}) {
    EXPECT_EQ(fault_of<OhlcChannel>(candle, "interval_begin", bad), "interval_begin: bad_timestamp")
        << bad;
  }

  const Good pair = {R"({"channel":"instrument","type":"update","data":{"assets":[],"pairs":[)",
                     R"({"symbol":"A/B","status":"online","qty_precision":8,"qty_increment":1e-08,)"
                     R"("price_precision":1,"price_increment":0.1,"qty_min":5e-05})",
                     "]}}"};
  for (const char* field : {"price_precision", "qty_precision"}) {
    EXPECT_EQ(fault_of<InstrumentChannel>(pair, field, "255"), "");
    for (const std::string& bad : {std::string("256"), std::string("300"), too_long}) {
      EXPECT_EQ(fault_of<InstrumentChannel>(pair, field, bad),
                std::string(field) + ": number_out_of_range")
          << bad;
    }
  }

  // As the venue prints it: the predicted layout.
  const Good trade = {R"({"channel":"trade","type":"update","data":[)",
                      R"({"symbol":"A/B","side":"buy","price":1,"qty":2,"ord_type":"limit",)"
                      R"("trade_id":7,"timestamp":"2026-07-07T23:00:04.585581Z"})",
                      "]}"};
  EXPECT_EQ(fault_of<TradeChannel>(trade, "trade_id", "18446744073709551615"), "");
  for (const std::string& bad : {too_long, std::string("-1"), std::string("1.5")}) {
    EXPECT_EQ(fault_of<TradeChannel>(trade, "trade_id", bad), "trade_id: number_out_of_range")
        << bad;
  }
  for (const char* bad : {R"("2026-02-31T23:00:04.585581Z")", R"("2262-07-07T23:00:04.585581Z")",
                          R"("1970-01-01T00:00:00.585581+23:59")"}) {
    EXPECT_EQ(fault_of<TradeChannel>(trade, "timestamp", bad), "timestamp: bad_timestamp") << bad;
  }
}

}  // namespace
}  // namespace havklo::kraken
