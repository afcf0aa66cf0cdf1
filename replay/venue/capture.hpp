// A market from a capture: the frames of a recorded session, played again in virtual time.
//
// Owns:       the frames of the capture, the books that they build.
// Not owned:  the file (text is handed in), time, who listens.
// Threads:    one.
// Invariants: book, trade and ticker frames go out as recorded, to the byte and in their order. Who
//             subscribes later gets a snapshot of the book as the frames have made it.
//
// Time: a frame's own timestamps, relative to the first, from the instant somebody first
// subscribes; or all frames at a given rate. After the last frame nothing moves any more.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/venue/market_feed.hpp"

namespace havklo::replay {

class CaptureFeed final : public MarketFeed {
 public:
  // One JSON message a line, server to client. `frames_per_second` 0: at their relative times.
  [[nodiscard]] static std::expected<CaptureFeed, std::string> parse(std::string_view jsonl,
                                                                     uint32_t frames_per_second);

  [[nodiscard]] uint32_t symbol_count() const override {
    return static_cast<uint32_t>(symbols_.size());
  }
  [[nodiscard]] std::string_view symbol(uint32_t index) const override {
    return symbols_[index].name;
  }
  [[nodiscard]] bool serves(Channel channel, uint32_t symbol, uint32_t parameter) const override;
  [[nodiscard]] const MarketBook& book(uint32_t symbol) const override {
    return symbols_[symbol].book;
  }
  [[nodiscard]] int64_t changed_us(uint32_t symbol) const override {
    return symbols_[symbol].changed_us;
  }
  void resume(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override;
  void advance(Instant now, FeedSink& sink) override;
  void append_snapshot(Channel channel, uint32_t symbol, uint32_t parameter,
                       std::string& out) const override;

  [[nodiscard]] size_t frame_count() const { return frames_.size(); }
  [[nodiscard]] size_t frames_played() const { return next_; }
  // Depth of a symbol's book in the capture; 0: it has none.
  [[nodiscard]] uint32_t depth(uint32_t symbol) const { return symbols_[symbol].depth(); }

 private:
  struct Symbol {
    std::string name;
    MarketBook book{0, 0};
    // By channel: whether there is any message, and of which depth or interval.
    std::array<bool, channel_count> listed{};
    std::array<uint32_t, channel_count> parameters{};
    bool has_book = false;  // a snapshot has been played
    bool decimals_known = false;
    int64_t changed_us = 0;

    [[nodiscard]] uint32_t& depth() { return parameters[static_cast<uint8_t>(Channel::book)]; }
    [[nodiscard]] uint32_t depth() const { return parameters[static_cast<uint8_t>(Channel::book)]; }
  };
  struct Frame {
    Channel channel = Channel::book;
    bool snapshot = false;
    uint32_t symbol = 0;
    Duration at;  // since the first
    std::string text;
  };

  std::string read_line(std::string_view line, int64_t& clock_us, int64_t& first_us);
  std::string read_market_frame(std::string_view line, Channel channel, int64_t clock_us);
  template <class C>
  int64_t note_row(const typename C::Row& row, Frame& frame);
  [[nodiscard]] uint32_t intern(std::string_view name);
  void apply(const Frame& frame);

  std::vector<Symbol> symbols_;
  std::vector<Frame> frames_;
  std::optional<size_t> pairs_;  // the frame that brings them
  size_t next_ = 0;
  bool started_ = false;
  Instant origin_{};
};

}  // namespace havklo::replay
