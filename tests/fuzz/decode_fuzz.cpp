// Messages of the venue, a line each, read by one decoder that predicts their layout and by one
// that asks simdjson alone: the verdicts, and every field, must be the same, whatever the decoder
// remembers of the messages before and whatever lies in the padding. What a book message was
// decoded to, printed as the venue prints it, must be decoded to the same again.
//
// Input: text.
#include <algorithm>
#include <cstring>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"
#include "kraken/decode.hpp"

namespace havklo::decode_fuzz {
namespace {

using namespace kraken;
using fuzz::require;

// Memory of its own size, so that the sanitizer sees who reads behind it.
struct Padded {
  Padded(std::string_view json, std::string_view behind)
      : bytes(std::make_unique<char[]>(json.size() + receive_padding)), size(json.size()) {
    std::ranges::copy(json, bytes.get());
    std::ranges::copy(behind.substr(0, receive_padding), bytes.get() + size);
  }
  [[nodiscard]] std::string_view view() const { return {bytes.get(), size}; }

  std::unique_ptr<char[]> bytes;
  size_t size;
};

bool same_digits(Decimal a, Decimal b) {
  return a.mantissa == b.mantissa && a.exponent == b.exponent;
}
bool same_fault(const RowFault& a, const RowFault& b) {
  return a.key == b.key && (a.key.empty() || a.error == b.error);
}
bool same_level(const WireLevel& a, const WireLevel& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}
// Of a row or book that could not be read its fault alone counts; where all could be, none does.
template <class Row, class Same>
bool same_all(std::span<const Row> a, std::span<const Row> b, bool in_part, Same same) {
  return std::ranges::equal(a, b, [&](const Row& left, const Row& right) {
    if (left.symbol != right.symbol) return false;
    if (!in_part) return same(left, right);
    const bool is_whole = left.fault.key.empty();
    return same_fault(left.fault, right.fault) && (!is_whole || same(left, right));
  });
}
bool same_book(const BookMessage& a, const BookMessage& b) {
  return a.is_snapshot == b.is_snapshot && a.checksum == b.checksum && a.time.ns == b.time.ns &&
         std::ranges::equal(a.bids, b.bids, same_level) &&
         std::ranges::equal(a.asks, b.asks, same_level);
}
bool same_trade(const TradeRow& a, const TradeRow& b) {
  return a.side == b.side && same_digits(a.price, b.price) && same_digits(a.qty, b.qty) &&
         a.trade_id == b.trade_id && a.time.ns == b.time.ns;
}

struct Listener final : BookListener {
  void on_book_named(std::string_view symbol) override { named = std::string(symbol); }
  std::string named;
};

bool is_book(MessageKind kind) {
  return kind == MessageKind::book || kind == MessageKind::book_in_part;
}
bool is_rows(MessageKind kind) {
  return kind == MessageKind::rows || kind == MessageKind::rows_in_part;
}

// What a level keeps beside its digits is what those digits give.
void check_levels(std::span<const WireLevel> levels) {
  for (const WireLevel& level : levels) {
    require(level.price_mantissa >= 0 && level.qty_mantissa >= 0, "a negative level");
    const WireLevel again(level.price(), level.qty());
    require(same_level(level, again), "a level's part of the checksum is not that of its digits");
  }
}

std::string printed(const BookMessage& book) {
  const auto levels = [](std::span<const WireLevel> all) {
    std::string text;
    for (const WireLevel& level : all) {
      text += (text.empty() ? "{\"price\":" : ",{\"price\":") + to_string(level.price()) +
              ",\"qty\":" + to_string(level.qty()) + "}";
    }
    return text;
  };
  return std::string(R"({"channel":"book","type":")") + (book.is_snapshot ? "snapshot" : "update") +
         R"(","data":[{"symbol":")" + std::string(book.symbol) + R"(","bids":[)" +
         levels(book.bids) + R"(],"asks":[)" + levels(book.asks) + R"(],"checksum":)" +
         std::to_string(book.checksum) + R"(,"timestamp":"2026-07-07T23:00:04.000677Z"}]})";
}

class Both {
 public:
  // `again`: this is what was decoded, printed once more.
  void judge(std::string_view json, std::string_view behind, bool again = false) {
    const Padded text(json, behind);
    const Padded bare(json, "");
    Listener listener;
    const auto predicted = predicting_.decode(text.view(), &listener);
    const auto parsed = parsing_.decode_unpredicted(bare.view());
    require(predicted == parsed, "another verdict than simdjson's");
    require(!again || (parsed && *parsed == MessageKind::book),
            "what it decoded is no book message");
    if (!parsed) return;
    const bool in_part =
        *parsed == MessageKind::book_in_part || *parsed == MessageKind::rows_in_part;
    if (is_book(*parsed)) judge_books(listener, in_part, again);
    if (is_rows(*parsed)) judge_rows(in_part);
  }
  // What it remembers of earlier inputs must not matter to this one: nothing of them is left.
  void forget() {
    const std::string time = R"("2001-01-01T00:00:00.000000Z"}]})";
    for (const std::string& message :
         {R"({"channel":"book","type":"update","data":[{"symbol":"A","bids":[],"asks":[],)"
          R"("checksum":1,"timestamp":)" +
              time,
          R"({"channel":"trade","type":"update","data":[{"symbol":"A","side":"buy","price":1,)"
          R"("qty":1,"ord_type":"limit","trade_id":1,"timestamp":)" +
              time}) {
      judge(message, "");
    }
  }

 private:
  void judge_books(const Listener& listener, bool in_part, bool again) {
    const auto left = predicting_.books();
    const auto right = parsing_.books();
    require(same_all(left, right, in_part, same_book), "other books than simdjson's");
    if (again) {
      require(left[0].symbol == listener.named, "the venue's own layout was not predicted");
      return;
    }
    std::vector<std::string> once_more;
    for (const BookMessage& book : left) {
      if (in_part && !book.fault.key.empty()) continue;
      check_levels(book.bids);
      check_levels(book.asks);
      const bool plain = std::ranges::all_of(book.symbol, [](char c) {
        return c >= ' ' && c != '"' && c != '\\' && static_cast<unsigned char>(c) < 127;
      });
      if (plain && book.symbol.size() < 32) once_more.push_back(printed(book));
    }
    for (const std::string& text : once_more) judge(text, "", true);
  }
  void judge_rows(bool in_part) {
    require(predicting_.rows_channel() == parsing_.rows_channel(), "another channel");
    require(predicting_.rows_are_snapshot() == parsing_.rows_are_snapshot(), "another type");
    if (parsing_.rows_channel() != Channel::trade) return;  // simdjson alone reads them
    require(same_all(predicting_.rows<TradeChannel>(), parsing_.rows<TradeChannel>(), in_part,
                     same_trade),
            "other trades than simdjson's");
  }

  Decoder predicting_;
  Decoder parsing_;
};

#ifdef HAVKLO_LIBFUZZER
bool is_of_number(uint8_t c) { return (c >= '0' && c <= '9') || c == '.'; }

// A number that stands in the text becomes longer, shorter, or another one: byte by byte a fuzzer
// seldom leaves a whole message round it.
size_t mutate_number(uint8_t* data, size_t size, size_t size_max, Random& random) {
  const size_t from = random.below(size);
  const size_t begin =
      static_cast<size_t>(std::find_if(data + from, data + size, is_of_number) - data);
  const size_t end =
      static_cast<size_t>(std::find_if_not(data + begin, data + size, is_of_number) - data);
  std::string number(data + begin, data + end);
  const size_t at = random.below(number.size() + 1);
  const char digit = static_cast<char>('0' + random.below(10));
  switch (random.below(4)) {
    case 0:
      number.insert(at, 1 + random.below(4), digit);
      break;
    case 1:
      number.erase(at, 1 + random.below(3));
      break;
    case 2:
      std::erase(number, '.');
      number.insert(std::min(at, number.size()), 1, '.');
      break;
    default:
      number = std::string(1 + random.below(20), digit);
      break;
  }
  if (size - (end - begin) + number.size() > size_max) return size;
  const std::string text =
      std::string(data, data + begin) + number + std::string(data + end, data + size);
  std::ranges::copy(text, data);
  return text.size();
}
#endif

}  // namespace

#ifdef HAVKLO_LIBFUZZER
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t size_max);
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max,
                                          unsigned seed) {
  Random random(seed);
  if (size == 0 || random.below(3) != 0) return LLVMFuzzerMutate(data, size, size_max);
  return mutate_number(data, size, size_max, random);
}
#endif

HAVKLO_FUZZ_TARGET(decode) {
  static Both both;  // it takes megabytes
  both.forget();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    both.judge(std::string_view(text).substr(at, end - at), std::string_view(text).substr(end));
    at = end + 1;
  }
}

}  // namespace havklo::decode_fuzz
