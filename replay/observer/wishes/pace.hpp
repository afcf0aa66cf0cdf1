// The pace of one session's requests as an observer reckons it, from the settings, what requests
// left, what the venue said of their rate, and how long the connection has been Live.
//
// Two buckets of credit: `fast` is never slower than the engine may be, `slow` never faster. They
// are the same but for a tick of a timer, and where nobody outside can know whether the engine read
// a rate error before its connection ended.
// Owns:    the buckets.
// Threads: one.
// Cost:    O(1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <optional>

namespace havklo::replay {

class PaceObserver {
 public:
  PaceObserver(const RequestSettings& requests, Duration stable_after, Duration tick)
      : stable_after_(stable_after),
        tick_(tick),
        fast_(requests.per_second, requests.burst),
        slow_(requests.per_second, requests.burst) {}

  // A new connection may use the whole burst; how slow the pace is, it keeps.
  void begin_connection(Instant now) {
    fast_.refill(now);
    slow_.refill(now);
    live_at_.reset();
  }
  void on_live(Instant now) { live_at_ = now; }
  void end_connection(Instant now) {
    settle(now);
    live_at_.reset();
  }
  // "Exceeded msg rate". `certain`: the engine has read it.
  void on_rate_error(Instant now, bool certain) {
    settle(now, false);
    if (certain) fast_.slow_down();
    slow_.slow_down();
    said_at_ = now;
  }
  // A request leaves. False: earlier than it may.
  [[nodiscard]] bool on_request(Instant now) {
    settle(now);
    const bool may = fast_.missing() <= tick_;
    fast_.take();
    slow_.take();
    return may;
  }
  // The next one may have left by now for longer than a timer takes.
  [[nodiscard]] bool is_overdue(Instant now) {
    settle(now);
    return slow_.missing() <= Duration{} && slow_.allowed_at() + tick_ <= now;
  }

 private:
  // The time that has been saved up for requests: an interval pays for one.
  class Bucket {
   public:
    Bucket(uint32_t per_second, uint32_t burst)
        : usual_{1'000'000'000 / per_second}, interval_(usual_), burst_(burst) {}

    void refill(Instant now) {
      credit_ = interval_ * burst_;
      at_ = allowed_at_ = now;
    }
    void advance(Instant now) {
      if (credit_ < interval_) allowed_at_ = at_ + (interval_ - credit_);
      credit_ = std::min(credit_ + (now - at_), interval_ * burst_);
      at_ = now;
    }
    void slow_down() {
      interval_ = std::min(interval_ * 2, std::max(usual_, Duration::seconds(4)));
      credit_ = {};
    }
    // As many requests are saved up as before.
    void restore(Instant at) {
      if (interval_ == usual_) return;
      advance(at);
      credit_ = Duration{credit_.ns / interval_.ns * usual_.ns +
                         credit_.ns % interval_.ns * usual_.ns / interval_.ns};
      interval_ = usual_;
    }
    void take() {
      credit_ = std::max(Duration{}, credit_ - interval_);
      allowed_at_ = at_;
    }
    [[nodiscard]] Duration missing() const { return interval_ - credit_; }
    // When it was last paid for; of no meaning while something is missing.
    [[nodiscard]] Instant allowed_at() const { return allowed_at_; }

   private:
    Duration usual_;
    Duration interval_;
    int64_t burst_;
    Duration credit_;
    Instant at_;
    Instant allowed_at_;
  };

  // Live for stable_after, and as long without another word of the venue's: as configured again.
  // `timers_fired`: in a turn that comes late, messages go before the timers that were due.
  void settle(Instant now, bool timers_fired = true) {
    if (live_at_) {
      const Instant since = std::max(*live_at_, said_at_) + stable_after_;
      if (since <= now) fast_.restore(since);
      if (timers_fired && since + tick_ <= now) slow_.restore(now);  // its timer may fire late
    }
    fast_.advance(now);
    slow_.advance(now);
  }

  Duration stable_after_;
  Duration tick_;
  Bucket fast_;
  Bucket slow_;
  std::optional<Instant> live_at_;
  Instant said_at_ = Instant{} - Duration::seconds(3'600);
};

}  // namespace havklo::replay
