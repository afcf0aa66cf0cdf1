// Method: the predicted reading and simdjson's answer the same, on every message tried: what the
// venue prints, as made here from a seed and as captured, and each of them damaged in ways that
// stay close to the layout. A message lies in memory of its own size and padding, so that the
// address sanitizer sees a read too far.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <memory>
#include <string>
#include <vector>

#include "kraken/decode.hpp"
#include "kraken/layout/book.hpp"
#include "kraken/layout/trade.hpp"
#include "kraken/random_digits.hpp"

namespace havklo::kraken {
namespace {

// `behind`: what stands in the padding, which must not matter.
struct Padded {
  Padded(std::string_view json, std::string_view behind)
      : bytes(std::make_unique<char[]>(json.size() + receive_padding)), size(json.size()) {
    std::ranges::copy(json, bytes.get());  // either may be empty, which memcpy must not see
    std::ranges::copy(behind.substr(0, receive_padding), bytes.get() + size);
  }
  [[nodiscard]] std::string_view view() const { return {bytes.get(), size}; }

  std::unique_ptr<char[]> bytes;
  size_t size;
};

// Digit by digit, not by value.
bool same_digits(Decimal a, Decimal b) {
  return a.mantissa == b.mantissa && a.exponent == b.exponent;
}
bool same(const WireLevel& a, const WireLevel& b) { return std::memcmp(&a, &b, sizeof a) == 0; }

class KrakenLayout : public testing::Test {
 protected:
  // True when both accepted it as a book or as trades.
  bool compare(std::string_view json, std::string_view behind = {}) {
    const Padded text(json, behind);
    const auto predicted = predicting_.decode(text.view());
    const auto parsed = parsing_.decode_unpredicted(text.view());
    EXPECT_EQ(predicted, parsed) << json;
    if (predicted != parsed || !parsed) return false;
    if (*parsed == MessageKind::rows) {
      EXPECT_EQ(predicting_.rows_channel(), parsing_.rows_channel()) << json;
      EXPECT_EQ(predicting_.rows_are_snapshot(), parsing_.rows_are_snapshot()) << json;
      return parsing_.rows_channel() == Channel::trade && compare_trades(json);
    }
    if (*parsed != MessageKind::book) return false;
    const auto left = predicting_.books();
    const auto right = parsing_.books();
    EXPECT_EQ(left.size(), right.size()) << json;
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      EXPECT_EQ(left[i].is_snapshot, right[i].is_snapshot) << json;
      EXPECT_EQ(left[i].symbol, right[i].symbol) << json;
      EXPECT_EQ(left[i].checksum, right[i].checksum) << json;
      EXPECT_EQ(left[i].time.ns, right[i].time.ns) << json;
      EXPECT_TRUE(std::ranges::equal(left[i].bids, right[i].bids, same)) << json;
      EXPECT_TRUE(std::ranges::equal(left[i].asks, right[i].asks, same)) << json;
    }
    return true;
  }
  bool compare_trades(std::string_view json) {
    const auto left = predicting_.rows<TradeChannel>();
    const auto right = parsing_.rows<TradeChannel>();
    EXPECT_EQ(left.size(), right.size()) << json;
    for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
      EXPECT_EQ(left[i].symbol, right[i].symbol) << json;
      EXPECT_EQ(left[i].side, right[i].side) << json;
      EXPECT_TRUE(same_digits(left[i].price, right[i].price)) << json;
      EXPECT_TRUE(same_digits(left[i].qty, right[i].qty)) << json;
      EXPECT_EQ(left[i].trade_id, right[i].trade_id) << json;
      EXPECT_EQ(left[i].time.ns, right[i].time.ns) << json;
    }
    return true;
  }

  Decoder predicting_;
  Decoder parsing_;
};

// Mostly what the venue prints; sometimes what it never does.
std::string number(Random& random) {
  switch (random.below(24)) {
    case 0:
      return random_digits(random, 1 + random.below(20));
    case 1:
      return random_digits(random, 1 + random.below(20)) + "." +
             random_digits(random, random.below(20));
    case 2:
      return "." + random_digits(random, 3);
    case 3:
      return "-" + random_digits(random, 1 + random.below(4));
    case 4:
      return random_digits(random, 2) + "e" + random_digits(random, 1);
    case 5:
      return "0";
    case 6:
      return "0." + std::string(1 + random.below(18), '0');
    case 7:
      return "00" + random_digits(random, 2) + ".50";
    default:
      return std::to_string(random.below(100'000)) + "." +
             random_digits(random, 1 + random.below(9));
  }
}

std::string levels(Random& random) {
  std::string text = "[";
  for (uint64_t n = random.below(4); n > 0; --n) {
    if (text.size() > 1) text += ',';
    text += R"({"price":)" + number(random) + R"(,"qty":)" + number(random) + "}";
  }
  return text + "]";
}

constexpr std::string_view symbols[] = {"BTC/USD",
                                        "ETH/USD",
                                        "A/B",
                                        "",
                                        "1234567890123456789012345678901",
                                        "12345678901234567890123456789012",
                                        "\xC3\xA4/USD",
                                        "a\\\"b",
                                        "a\\u0041"};

std::string timestamp(Random& random, bool usual) {
  const std::string second =
      usual ? random_digits(random, 1) : std::to_string(55 + random.below(9));
  return "\"2026-0" + std::to_string(1 + random.below(9)) + "-0" +
         std::to_string(random.below(10)) + "T23:0" + random_digits(random, 1) + ":" +
         (second.size() == 1 ? "0" + second : second) + "." + random_digits(random, usual ? 6 : 3) +
         "Z\"";
}

std::string trade(Random& random) {
  const bool usual = random.below(6) != 0;
  return R"({"symbol":")" + std::string(symbols[usual ? random.below(3) : random.below(9)]) +
         R"(","side":")" + (usual ? random.below(2) == 0 ? "buy" : "sell" : "bu") +
         R"(","price":)" + number(random) + R"(,"qty":)" + number(random) + R"(,"ord_type":")" +
         (random.below(2) == 0 ? "limit"
          : usual              ? "market"
                               : "other") +
         R"(","trade_id":)" +
         (usual ? std::to_string(random.below(1'000'000'000)) : number(random)) +
         R"(,"timestamp":)" + timestamp(random, usual) + "}";
}

std::string trades(Random& random) {
  std::string text = std::string(R"({"channel":"trade","type":")") +
                     (random.below(4) == 0 ? "snapshot" : "update") + R"(","data":[)";
  for (uint64_t n = random.below(4); n > 0; --n) text += trade(random) + ",";
  if (text.back() == ',') text.pop_back();
  return text + "]}";
}

std::string book(Random& random) {
  const bool usual = random.below(4) != 0;
  return std::string(R"({"channel":"book","type":")") +
         (random.below(3) == 0 ? "snapshot" : "update") + R"(","data":[{"symbol":")" +
         std::string(symbols[usual ? random.below(3) : random.below(9)]) + R"(","bids":)" +
         levels(random) + R"(,"asks":)" + levels(random) + R"(,"checksum":)" +
         (usual ? std::to_string(random.next_u64() >> 32U)
                : random_digits(random, random.below(12))) +
         R"(,"timestamp":)" + timestamp(random, usual) + "}]}";
}

std::string message(Random& random) { return random.below(3) == 0 ? trades(random) : book(random); }

std::string damaged(const std::string& good, const std::string& other, Random& random) {
  std::string bad = good;
  constexpr std::string_view near_layout = "0123456789.,:\"[]{}-+eE \\/TZ\n\t\x7f\x80\xC3";
  for (uint64_t n = 1 + random.below(3); n > 0 && !bad.empty(); --n) {
    const size_t at = random.below(bad.size());
    const size_t to = at + random.below(bad.size() - at + 1);
    switch (random.below(8)) {
      case 0:
        bad[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        bad.erase(at, random.below(4));
        break;
      case 2:
        bad.insert(at, 1, near_layout[random.below(near_layout.size())]);
        break;
      case 3:
        bad.insert(at, bad.substr(at, random.below(40)));
        break;
      case 4:
        bad.resize(at);
        break;
      case 5:  // the other's end
        bad = bad.substr(0, at) + other.substr(random.below(other.size() + 1));
        break;
      case 6:
        bad.replace(at, std::min<size_t>(to - at, 12), number(random));
        break;
      default:
        bad[at] = near_layout[random.below(near_layout.size())];
        break;
    }
  }
  return bad;
}

TEST_F(KrakenLayout, IsReadAsSimdjsonReadsIt) {
  Random random(11);
  int accepted = 0;
  for (int i = 0; i < 40'000; ++i) accepted += compare(message(random)) ? 1 : 0;
  EXPECT_GT(accepted, 10'000);  // else the messages were too wild to prove anything
}

TEST_F(KrakenLayout, IsJudgedAsSimdjsonJudgesItWhenDamaged) {
  Random random(12);
  std::string other = message(random);
  int accepted = 0;
  for (int i = 0; i < 120'000; ++i) {
    std::string good = message(random);
    accepted += compare(damaged(good, other, random)) ? 1 : 0;
    other = std::move(good);
  }
  EXPECT_GT(accepted, 1'000);
}

TEST_F(KrakenLayout, DoesNotEndWhereItsMessageDoesNot) {
  Random random(13);
  for (int i = 0; i < 300; ++i) {
    const std::string good = message(random);
    for (size_t size = good.size() - std::min<size_t>(good.size(), 160); size <= good.size();
         ++size) {
      compare(std::string_view(good).substr(0, size), std::string_view(good).substr(size));
    }
    compare(good, good);
    compare(good + " ", good);
  }
}

TEST_F(KrakenLayout, TakesThePathItWasMadeFor) {
  const std::string usual =
      R"({"channel":"book","type":"update","data":[{"symbol":"ETH/USD","bids":[{"price":1773.90,)"
      R"("qty":0.00000000},{"price":1773.70,"qty":28.18950592}],"asks":[],"checksum":188427729,)"
      R"("timestamp":"2026-07-07T23:00:04.000677Z"}]})";
  const Padded text(usual, "");
  std::array<WireLevel, 2> room;
  BookLayout layout(room);
  BookMessage book;
  ASSERT_TRUE(layout.read(text.view(), book));
  EXPECT_EQ(book.bids.size(), 2U);
  EXPECT_EQ(book.time.ns, 1'783'465'204'000'677'000);
  BookLayout small(std::span<WireLevel>(room).first(1));
  EXPECT_FALSE(small.read(text.view(), book));  // no room: no verdict
  compare(usual);
}

TEST_F(KrakenLayout, TakesThePathItWasMadeForTradesToo) {
  const std::string head = R"({"channel":"trade","type":"update","data":[)";
  const std::string row =
      R"({"symbol":"ETH/USD","side":"sell","price":1774.14,"qty":0.00147959,"ord_type":"market",)"
      R"("trade_id":64175815,"timestamp":"2026-07-07T23:00:04.585581Z"})";
  const std::string usual = head + row + "," + row + "]}";
  const Padded text(usual, "");
  std::array<TradeRow, 2> room;
  size_t count = 0;
  bool is_snapshot = true;
  TradeLayout layout;
  ASSERT_TRUE(layout.read(text.view(), room, count, is_snapshot));
  EXPECT_FALSE(is_snapshot);
  ASSERT_EQ(count, 2U);
  EXPECT_EQ(room[1].side, TradeSide::sell);
  EXPECT_EQ(room[1].trade_id, 64'175'815U);
  EXPECT_EQ(room[1].time.ns, 1'783'465'204'585'581'000);
  // No room: no verdict.
  EXPECT_FALSE(layout.read(text.view(), std::span(room).first(1), count, is_snapshot));
  compare(usual);
  // As many as a message can have.
  std::string many = head + row;
  while (many.size() + row.size() + 3 <= message_bytes_max) many += "," + row;
  EXPECT_TRUE(compare(many + "]}"));
}

TEST_F(KrakenLayout, RefusesMoreLevelsThanAMessageMayHave) {
  std::string many = R"({"channel":"book","type":"snapshot","data":[{"symbol":"A/B","bids":[)";
  for (uint32_t i = 0; i < book_message_levels_max; ++i) many += R"({"price":1.5,"qty":2},)";
  many.pop_back();
  const std::string end = R"(,"checksum":1,"timestamp":"2026-07-07T23:00:04.000677Z"}]})";
  EXPECT_TRUE(compare(many + R"(],"asks":[])" + end));
  EXPECT_FALSE(compare(many + R"(],"asks":[{"price":1.5,"qty":2}])" + end));
}

TEST_F(KrakenLayout, FitsWhatTheCapturesHold) {
  const char* named = std::getenv("HAVKLO_SHARED_DIR");
  const std::filesystem::path shared = named != nullptr ? named : HAVKLO_SHARED_DIR;
  const auto folder = shared / "kraken" / "messages";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no captures at " << folder << ": set HAVKLO_SHARED_DIR to compare them";
  }
  Random random(14);
  std::string other = message(random);
  const auto room = std::make_unique<WireLevel[]>(book_message_levels_max);
  BookLayout book_layout({room.get(), book_message_levels_max});
  TradeLayout trade_layout;
  std::array<TradeRow, 64> trade_room;
  int books = 0;
  int trades = 0;
  int predicted = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jsonl") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      const bool is_known = compare(line);
      for (int i = 0; i < 8; ++i) compare(damaged(line, other, random));
      if (!is_known) continue;
      other = line;
      const bool is_book = line.find(R"("channel":"book")") != std::string::npos;
      ++(is_book ? books : trades);
      const Padded text(line, "");
      BookMessage book;
      size_t count = 0;
      bool is_snapshot = false;
      predicted += is_book ? book_layout.read(text.view(), book)
                           : trade_layout.read(text.view(), trade_room, count, is_snapshot);
    }
  }
  EXPECT_GT(books, 3'000);
  EXPECT_GT(trades, 15);
  EXPECT_GT(predicted, books + trades - 15);  // the pages' own examples are laid out otherwise
}

}  // namespace
}  // namespace havklo::kraken
