// What is asked of everything between the socket and the strategy, over memory: TLS 1.3 records
// that hold a WebSocket frame with one trade each, to events; AES-128-GCM, many or one a read.
//
// The same server of ours seals for every client. A client brings:
//   Client()                              hands shaken, upgraded, subscribed
//   std::vector<std::byte> seal(text)     the record that carries this text to it
//   text_alone                            whether it tells of texts, not of events
//   void take(std::span<const std::byte> wire, size_t records, Trades& got)
//                                         a read, every trade of it told
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/event.hpp>
#include <span>
#include <string>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"
#include "bench/venue/load_server.hpp"

namespace havklo::bench {

// What came, in sums that one wrong field changes.
class Trades {
 public:
  void on_event(const Event& event) {
    if (event.kind != EventKind::trade) return;
    const Event::Trade& trade = event.payload.trade;
    right_ = right_ && trade.price == 635'015 && trade.price_exponent == -1 &&
             trade.qty == 126'700 && trade.qty_exponent == -8 && trade.side == TradeSide::sell &&
             trade.venue_time_ns == 1'783'465'203'501'510'000;
    on_id(trade.trade_id);
  }
  // Of a client that is asked for the text alone.
  void on_text(std::string_view text) {
    right_ = right_ && text.starts_with(trade_begins);
    on_id(text.size());
  }
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] uint64_t sum() const { return sum_; }
  [[nodiscard]] bool right() const { return right_; }

 private:
  void on_id(uint64_t id) {
    ++count_;
    sum_ += id;
  }
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  bool right_ = true;
};

template <class Client, size_t per_read>
Measured record_events(const Run& run) {
  const size_t records = run.tiny ? 2 * per_read : 1'024;
  Client client;
  Trades got;
  uint64_t sum = 0;
  uint64_t id = 1'000'000'000;
  std::vector<double> costs;
  const size_t rounds = run.tiny ? 1 : 60;
  for (size_t round = 0; round < rounds; ++round) {
    std::vector<std::vector<std::byte>> reads(records / per_read);
    for (auto& read : reads) {
      for (size_t i = 0; i < per_read; ++i) {
        const std::string text = trade_text(++id);
        sum += Client::text_alone ? text.size() : id;
        const auto record = client.seal(text);
        read.insert(read.end(), record.begin(), record.end());
      }
    }
    const double begin = thread_cpu_ns();
    for (const auto& read : reads) client.take(read, per_read, got);
    costs.push_back((thread_cpu_ns() - begin) / static_cast<double>(records));
  }
  if (got.count() != rounds * records || got.sum() != sum || !got.right()) {
    return std::unexpected("not every trade came as it was sent");
  }
  return Figure{.value = median(costs), .percentiles = {}};
}

}  // namespace havklo::bench
