// The last row of a channel without a checksum that a session with several legs has published.
//
// The leg that spoke last goes on as it likes. What another says must be newer, by the venue's time
// (ticker) or by its candle and the trades in it; what says the same is dropped.
// Threads: loop thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <havklo/event.hpp>
#include <span>
#include <utility>

namespace havklo::core {

class LatestRow {
 public:
  // Whether these events say more than what was said last.
  [[nodiscard]] bool is_news(uint32_t leg, std::span<const Event> row) const {
    if (!known_) return true;
    if (leg == from_) return !is_same(row);
    const Place place = place_of(row);
    if (place != place_) return place > place_;
    return !is_same(row) && from_ == nobody;
  }
  void published(uint32_t leg, std::span<const Event> row) {
    known_ = true;
    from_ = leg;
    place_ = place_of(row);
    for (size_t i = 0; i < row.size(); ++i) payloads_[i] = row[i].payload.words;
  }
  // The leg says nothing more: another may say otherwise.
  void forget(uint32_t leg) {
    if (from_ == leg) from_ = nobody;
  }
  // The strategy has nothing: what there is, is news.
  void begin() { known_ = false; }

 private:
  using Place = std::pair<uint64_t, uint64_t>;
  static constexpr uint32_t nobody = ~0U;

  static Place place_of(std::span<const Event> row) {
    const Event& last = row.back();
    if (last.kind == EventKind::ticker_last) {
      return {static_cast<uint64_t>(last.payload.ticker_last.venue_time_ns), 0};
    }
    if (last.kind == EventKind::candle_volume) {
      return {last.payload.candle_volume.begin_minutes, last.payload.candle_volume.trades};
    }
    return {};
  }
  [[nodiscard]] bool is_same(std::span<const Event> row) const {
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i].payload.words != payloads_[i]) return false;
    }
    return true;
  }

  bool known_ = false;
  uint32_t from_ = nobody;
  Place place_;
  std::array<std::array<uint64_t, 5>, 2> payloads_{};
};

}  // namespace havklo::core
