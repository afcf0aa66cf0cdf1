// Messages to measure with: a real capture's when there is one, else the seeded market's.
//
// Owns: the texts, each a whole message without its frame.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/venue/market.hpp"
#include "websocket/frame.hpp"

namespace havklo::bench {

struct Frames {
  std::vector<std::string> texts;
  std::vector<std::string> symbols;
  uint32_t depth = 10;
  bool trades = false;  // everything that a subscriber gets, not only book messages
  bool real = false;

  [[nodiscard]] std::string_view label() const { return real ? "real capture" : "seeded market"; }
  [[nodiscard]] uint64_t books() const {
    return static_cast<uint64_t>(std::ranges::count_if(texts, is_book));
  }
  static bool is_book(std::string_view text) { return text.starts_with(R"({"channel":"book")"); }
};

enum class Mix : uint8_t { books, all };

// The session of BTC/USD and ETH/USD at depth 10: 2,962 book messages; with the trades and
// heartbeats between them 2,995. Empty without it.
inline Frames captured_frames(Mix mix) {
  const char* shared = std::getenv("HAVKLO_SHARED_DIR");
  const std::filesystem::path path =
      std::filesystem::path(shared != nullptr ? shared : HAVKLO_SHARED_DIR) /
      "kraken/messages/session_btc-eth_book-d10_trade_2026-07-07.jsonl";
  Frames frames{
      .texts = {}, .symbols = {"BTC/USD", "ETH/USD"}, .trades = mix == Mix::all, .real = true};
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const bool feed = line.starts_with(R"({"channel":)") &&
                      !line.starts_with(R"({"channel":"status")");  // no acknowledgement
    if (mix == Mix::all ? feed : Frames::is_book(line)) frames.texts.push_back(line);
  }
  return frames;
}

// What the model sends to one subscriber of each book, and of the trades for `Mix::all`.
inline Frames made_frames(std::vector<std::string> symbols, uint32_t depth, Duration duration,
                          Mix mix = Mix::books) {
  class Sink final : public replay::FeedSink {
   public:
    explicit Sink(Frames& into) : frames_(into) {}
    bool wants(Channel channel, uint32_t, uint32_t depth) override {
      return channel == Channel::book ? depth == frames_.depth
                                      : channel == Channel::trade && frames_.trades;
    }
    bool on_message(Channel, uint32_t, uint32_t, std::string_view text, bool) override {
      frames_.texts.emplace_back(text);
      return true;
    }

   private:
    Frames& frames_;
  };
  Frames frames{
      .texts = {}, .symbols = std::move(symbols), .depth = depth, .trades = mix == Mix::all};
  replay::MarketSettings settings;
  settings.symbols.clear();
  for (const std::string& symbol : frames.symbols) {
    settings.symbols.push_back(replay::market_symbol(symbol));
  }
  replay::Market market(settings, 7, 1'783'465'203'000'000);
  for (uint32_t i = 0; i < frames.symbols.size(); ++i) {
    market.append_snapshot(Channel::book, i, depth, frames.texts.emplace_back());
  }
  Sink sink(frames);
  market.resume({});
  market.advance(Instant{} + duration, sink);
  return frames;
}

template <Mix mix = Mix::books>
const Frames& real_or_made_frames() {
  static const Frames all = [] {
    Frames captured = captured_frames(mix);
    return captured.texts.empty()
               ? made_frames({"BTC/USD", "ETH/USD"}, 10, Duration::seconds(100), mix)
               : captured;
  }();
  return all;
}

inline void append_frame(std::vector<std::byte>& stream, std::string_view text) {
  std::array<std::byte, websocket::frame_head_bytes_max> head{};
  const size_t bytes = websocket::encode_frame_head(
      {text.size(), 0, websocket::Opcode::text, true, false}, head.data());
  stream.insert(stream.end(), head.begin(), head.begin() + static_cast<ptrdiff_t>(bytes));
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  stream.insert(stream.end(), begin, begin + text.size());
}

// Frames in reads of so many; behind each the padding that a receive buffer has.
inline std::vector<std::vector<std::byte>> reads_of(std::span<const std::string> texts,
                                                    size_t per_read) {
  std::vector<std::vector<std::byte>> reads;
  for (size_t i = 0; i < texts.size(); i += per_read) {
    std::vector<std::byte>& stream = reads.emplace_back();
    for (size_t j = i; j < std::min(i + per_read, texts.size()); ++j) {
      append_frame(stream, texts[j]);
    }
    stream.resize(stream.size() + receive_padding);
  }
  return reads;
}

}  // namespace havklo::bench
