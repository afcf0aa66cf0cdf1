// Method: messages as the venue sends them, in every order of keys that was seen (what it should
// never send is in malformed_test.cpp). The captures, when they lie beside the project, verify
// whole: every checksum of every session.
#include "kraken/decode.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kraken/book.hpp"

namespace havklo::kraken {
namespace {

class KrakenDecode : public testing::Test {
 protected:
  std::expected<MessageKind, DecodeError> decode(std::string_view json) {
    text_ = json;
    text_.append(receive_padding, '\0');
    return decoder_.decode(std::string_view(text_).substr(0, json.size()), listener_);
  }
  BookListener* listener_ = nullptr;
  Decoder decoder_;
  std::string text_;
};

TEST_F(KrakenDecode, ReadsAStatusInAnyOrderWithAnIdBeyondSixtyThreeBits) {
  const auto kind = decode(
      R"({"channel":"status","data":[{"api_version":"v2","connection_id":18266300427528990701,)"
      R"("system":"online","version":"2.0.4"}],"type":"update"})");
  ASSERT_EQ(kind, MessageKind::status);
  EXPECT_EQ(decoder_.status().connection_id, 18266300427528990701U);
  EXPECT_EQ(decoder_.status().system, SystemStatus::online);
  ASSERT_EQ(decode(R"({"data":[{"system":"maintenance"}],"channel":"status"})"),
            MessageKind::status);
  EXPECT_FALSE(decoder_.status().connection_id.has_value());
  EXPECT_EQ(decoder_.status().system, SystemStatus::maintenance);
}

TEST_F(KrakenDecode, ReadsAcksOfBothKinds) {
  ASSERT_EQ(decode(R"({"method":"subscribe","result":{"channel":"book","depth":10,"snapshot":true,)"
                   R"("symbol":"BTC/USD"},"success":true,"req_id":7})"),
            MessageKind::ack);
  EXPECT_TRUE(decoder_.ack().success);
  EXPECT_EQ(decoder_.ack().symbol, "BTC/USD");
  EXPECT_EQ(decoder_.ack().req_id, 7U);
  ASSERT_EQ(decode(R"({"error":"Currency pair not supported XBT/USD","method":"subscribe",)"
                   R"("success":false,"symbol":"XBT/USD"})"),
            MessageKind::ack);
  EXPECT_FALSE(decoder_.ack().success);
  EXPECT_EQ(decoder_.ack().error, "Currency pair not supported XBT/USD");
  EXPECT_EQ(decode(R"({"Error":"Exceeded msg rate"})"), MessageKind::bare_error);
  EXPECT_EQ(decode(R"({"method":"pong","req_id":1})"), MessageKind::pong);
  EXPECT_EQ(decode(R"({"channel":"heartbeat"})"), MessageKind::heartbeat);
  EXPECT_EQ(decode(R"({"channel":"level3","data":{"assets":[]}})"), MessageKind::other);
}

TEST_F(KrakenDecode, KeepsTheDigitsOfABook) {
  ASSERT_EQ(decode(R"({"data":[{"timestamp":"2026-07-07T23:00:03.977459Z","checksum":3356266482,)"
                   R"("asks":[{"qty":0.00100000,"price":1774.14}],"bids":[],"symbol":"ETH/USD"}],)"
                   R"("type":"update","new_key":{"a":[1,2]},"channel":"book"})"),
            MessageKind::book);
  const BookMessage& book = decoder_.books()[0];
  EXPECT_EQ(book.asks[0].qty(), (Decimal{100000, -8}));
  EXPECT_EQ(to_string(book.asks[0].qty()), "0.00100000");
  EXPECT_EQ(book.time.ns, 1'783'465'203'977'459'000);
  EXPECT_EQ(book.checksum, 3356266482U);
}

// What the session keeps of a named book is used only for the message whose symbol stands where
// the name stood: so that must be one place, and only when the layout was the predicted one.
TEST_F(KrakenDecode, NamesABookWhereItsMessageDoes) {
  struct Heard final : BookListener {
    void on_book_named(std::string_view symbol) override { symbols.push_back(symbol); }
    std::vector<std::string_view> symbols;
  } heard;
  listener_ = &heard;
  const std::string as_printed =
      R"({"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[],"asks":[)"
      R"({"price":1774.14,"qty":0.00100000}],"checksum":3356266482,)"
      R"("timestamp":"2026-07-07T23:00:03.977459Z"}]})";
  ASSERT_EQ(decode(as_printed), MessageKind::book);
  ASSERT_EQ(heard.symbols, std::vector<std::string_view>{"ETH/USD"});
  EXPECT_EQ(heard.symbols[0].data(), decoder_.books()[0].symbol.data());

  // Named, then read by simdjson: its text lies elsewhere.
  std::string with_a_space = as_printed;
  with_a_space.insert(with_a_space.find(",\"checksum\""), " ");
  ASSERT_EQ(decode(with_a_space), MessageKind::book);
  ASSERT_EQ(heard.symbols.size(), 2U);
  EXPECT_NE(heard.symbols[1].data(), decoder_.books()[0].symbol.data());

  ASSERT_EQ(decode(" " + as_printed), MessageKind::book);
  EXPECT_EQ(heard.symbols.size(), 2U);
}

// A day's volume of a pair that costs next to nothing does not fit 64 bits with eight places.
TEST_F(KrakenDecode, AStatisticThatDoesNotFitLosesItsLastPlaces) {
  const auto volume = [this](const std::string& digits) -> std::string {
    const auto kind = decode(
        R"({"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":0.1,"bid_qty":1,)"
        R"("ask":0.2,"ask_qty":1,"last":0.1,"volume":)" +
        digits + R"(,"timestamp":"2026-07-07T23:00:04Z"}]})");
    if (!kind) return std::string(to_string(kind.error()));
    const TickerRow& row = decoder_.rows<TickerChannel>()[0];
    if (*kind == MessageKind::rows) return to_string(row.volume.value);
    return std::string(row.fault.key) + ": " + std::string(to_string(row.fault.error));
  };
  EXPECT_EQ(volume("92233720368.54775807"), "92233720368.54775807");
  EXPECT_EQ(volume("92233720368.54775808"), "92233720368.5477580");
  EXPECT_EQ(volume("1234567890123.12345678"), "1234567890123.123456");
  EXPECT_EQ(volume("9223372036854775807.12345678"), "9223372036854775807");
  EXPECT_EQ(volume("0.1234567890123456789012345"), "0.123456789012345678");
  EXPECT_EQ(volume("9223372036854775808.1"), "volume: number_out_of_range");
  EXPECT_EQ(volume("1.5e30"), "volume: number_out_of_range");
  EXPECT_EQ(volume("1.5e-30"), "volume: number_out_of_range");
  // What is no number has no beginning that is one.
  for (const char* text : {"1.abc", "1.2.3", "1.5-7", "1.", "12345678901234567890123.1"}) {
    EXPECT_EQ(volume(text), "volume: number_out_of_range") << text;
  }
}

// Instructions would be better to count; digits tried are as good, and need no tool.
TEST_F(KrakenDecode, AStatisticOfAnyLengthIsReadOnce) {
  Decimal value;
  const std::string zeros(500'000, '0');
  const std::string ones(500'000, '1');
  EXPECT_FALSE(parse_statistic(zeros + "." + ones, value)) << "no number of JSON begins so";
  ASSERT_TRUE(parse_statistic("0." + ones, value));
  EXPECT_EQ(to_string(value), "0.111111111111111111");
  EXPECT_FALSE(parse_statistic("0." + ones + "x", value));
}

TEST_F(KrakenDecode, SaysWhatOfATradeCannotBeRead) {
  const std::string whole = R"("symbol":"A/B","side":"sell","price":0.1,"qty":2,"trade_id":7,)"
                            R"("timestamp":"2026-07-07T23:00:04.585581Z")";
  const auto trade = [this](std::string fields, std::string_view old, std::string_view with) {
    if (!old.empty()) fields.replace(fields.find(old), old.size(), with);
    const auto kind = decode(R"({"channel":"trade","type":"update","data":[{)" + fields + "}]}");
    if (!kind) return "ended: " + std::string(to_string(kind.error()));
    if (decoder_.rows<TradeChannel>().empty()) return std::string("nobody's");
    if (*kind == MessageKind::rows) return std::string("taken");
    const RowFault& fault = decoder_.rows<TradeChannel>()[0].fault;
    return std::string(fault.key) + ": " + std::string(to_string(fault.error));
  };
  EXPECT_EQ(trade(whole, "", ""), "taken");
  EXPECT_EQ(trade(whole, R"("side":"sell",)", ""), "side: missing_key");
  EXPECT_EQ(trade(whole, "0.1", "null"), "price: missing_key");
  EXPECT_EQ(trade(whole, R"(,"qty":2)", ""), "qty: missing_key");
  EXPECT_EQ(trade(whole, "0.1", "-0.1"), "price: number_out_of_range");
  EXPECT_EQ(trade(whole, R"(,"trade_id":7)", ""), "trade_id: missing_key");
  EXPECT_EQ(trade(whole, R"("trade_id":7)", R"("trade_id":null)"), "trade_id: missing_key");
  EXPECT_EQ(trade(whole, R"("trade_id":7)", R"("trade_id":-7)"), "trade_id: number_out_of_range");
  EXPECT_EQ(trade(whole, R"("2026-07-07T23:00:04.585581Z")", "null"), "timestamp: missing_key");
  EXPECT_EQ(trade(whole, R"(,"timestamp":"2026-07-07T23:00:04.585581Z")", ""),
            "timestamp: missing_key");
  EXPECT_EQ(trade(whole, R"("qty":2)", R"("qty":-2)"), "qty: number_out_of_range");
  EXPECT_EQ(trade(whole, "0.1", "0.12345678901234567890"), "price: number_out_of_range");
  EXPECT_EQ(trade(whole, "0.1", "{\"a\":[1]}"), "price: wrong_type");
  EXPECT_EQ(trade(whole, "\"sell\"", "7"), "side: wrong_type");
  EXPECT_EQ(trade(whole, "\"A/B\"", "7"), "nobody's");
}

TEST_F(KrakenDecode, TakesAsManyTradesAsThereIsRoomFor) {
  const std::string row = R"({"symbol":"A","side":"buy","price":1,"qty":1,"trade_id":1,)"
                          R"("timestamp":"2026-07-07T23:00:04Z"})";
  std::string many = R"({"channel":"trade","type":"update","data":[)" + row;
  for (uint32_t i = 1; i < trade_rows_max; ++i) many += "," + row;
  ASSERT_EQ(decode(many + "]}"), MessageKind::rows);
  EXPECT_EQ(decoder_.rows<TradeChannel>().size(), trade_rows_max);
  const auto more = decode(many + "," + row + "]}");
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error(), DecodeError::too_many_rows);
}

TEST_F(KrakenDecode, SurvivesDamagedMessages) {
  const std::string good =
      R"({"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[{"price":1773.90,)"
      R"("qty":0.00000000}],"asks":[],"checksum":188427729,"timestamp":"2026-07-07T23:00:04.000677Z"}]})";
  Random random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (uint64_t n = 1 + random.below(4); n > 0; --n) {
      const size_t at = random.below(bad.size());
      if (random.below(3) == 0) {
        bad.erase(at, random.below(8));
        if (bad.empty()) break;
      } else {
        bad[at] = static_cast<char>(random.below(256));
      }
    }
    static_cast<void>(decode(bad));
  }
  EXPECT_EQ(decode(good), MessageKind::book);
}

TEST(KrakenTimestamp, ReadsEveryFractionAndRefusesTheRest) {
  int64_t ns = 0;
  ASSERT_TRUE(parse_timestamp("1970-01-01T00:00:01Z", ns));
  EXPECT_EQ(ns, 1'000'000'000);
  ASSERT_TRUE(parse_timestamp("2000-02-29T00:00:00.5Z", ns));
  EXPECT_EQ(ns, 951'782'400'500'000'000);
  ASSERT_TRUE(parse_timestamp("2000-02-29T01:30:00.500000+01:30", ns));
  EXPECT_EQ(ns, 951'782'400'500'000'000);
  ASSERT_TRUE(parse_timestamp("2000-02-28T23:00:00-01:00", ns));
  EXPECT_EQ(ns, 951'782'400'000'000'000);
  ASSERT_TRUE(parse_timestamp("1970-01-01T23:59:00+23:59", ns));
  EXPECT_EQ(ns, 0);
  for (const char* last :
       {"2026-12-31T23:59:60Z", "2026-07-31T00:00:00Z", "2026-08-31T00:00:00Z",
        "2026-06-30T00:00:00Z", "2028-02-29T00:00:00Z", "2261-12-31T23:59:59Z"}) {
    EXPECT_TRUE(parse_timestamp(last, ns)) << last;
  }
  for (const char* bad : {"",
                          "Z",
                          "+00:00",
                          "2026-07-07T23:00:03+0000",
                          "2026-07-07T23:00:03+24:00",
                          "2026-07-07T23:00:03*00:00",
                          "2026-07-07T23:00:03+00:60",
                          "2026-07-07",
                          "2026-07-07T23:00:03",
                          "2026-07-07T23:00:03.Z",
                          "2026-13-07T23:00:03Z",
                          "2026-07-07 23:00:03Z",
                          "2026-07-07T23:00:03.1234567890Z",
                          "2026-02-31T23:00:03Z",
                          "2026-02-29T23:00:03Z",
                          "2100-02-29T23:00:03Z",
                          "2026-06-31T23:00:03Z",
                          "2026-11-31T23:00:03Z",
                          "1970-01-01T00:00:00+00:01",
                          "1970-01-01T00:00:00.000000+23:59",
                          "1969-12-31T23:59:59Z",
                          "2262-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_timestamp(bad, ns)) << bad;
  }
}

// The largest capture holds 2,962 checksums (SOURCES.md).
TEST_F(KrakenDecode, VerifiesEveryChecksumOfTheCaptures) {
  const char* named = std::getenv("HAVKLO_SHARED_DIR");
  const std::filesystem::path shared = named != nullptr ? named : HAVKLO_SHARED_DIR;
  const auto folder = shared / "kraken" / "messages";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no captures at " << folder << ": set HAVKLO_SHARED_DIR to verify them";
  }
  const std::map<std::string, std::pair<uint32_t, uint32_t>> expected = {
      {"session_btc-eth_book-d10_trade_2026-07-07.jsonl", {10, 2962}},
      {"session_btcusd_instrument_book-d25_2026-08-26_first28.jsonl", {25, 22}},
      {"session_minagbp_book-d25_quiet_2026-08-16.jsonl", {25, 30}},
      {"session_minagbp_book-d25_resubscribe_2026-08-18.jsonl", {25, 19}}};
  for (const auto& [name, depth_and_count] : expected) {
    std::ifstream file(folder / name);
    ASSERT_TRUE(file.is_open()) << name;
    BookScratch scratch;
    std::map<std::string, Book> books;
    uint32_t verified = 0;
    for (std::string line; std::getline(file, line);) {
      const auto kind = decode(line);
      ASSERT_TRUE(kind.has_value()) << to_string(kind.error()) << ": " << line;
      if (*kind != MessageKind::book) continue;
      for (const BookMessage& message : decoder_.books()) {
        Book& book = books.try_emplace(std::string(message.symbol), depth_and_count.first, scratch)
                         .first->second;
        ASSERT_EQ(book.apply(message), ApplyOutcome::verified) << line;
        book.check_invariants();
        ++verified;
      }
    }
    EXPECT_EQ(verified, depth_and_count.second) << name;
  }
}

}  // namespace
}  // namespace havklo::kraken
