// The model: breaker x backoff x budget x maintenance of some sessions, as a machine that turns.
//
// Written from the design's tables (1.1, 1.2), its order of a turn (2) and the contract of
// reconnect() in client.hpp, and from nothing of engine/. What a subscription needs, the ring and
// jitter are outside: an all clear is an input, and whoever reads a recording says what was drawn
// and when there was no room (Choices).
// Owns:   all state; a value. Time is absolute; key() makes it relative.
// Cost:   plainly right, not fast.
#pragma once

#include <algorithm>
#include <array>
#include <havklo/config.hpp>
#include <optional>
#include <span>
#include <vector>

#include "model/budget.hpp"
#include "model/words.hpp"

namespace havklo::model {

enum class Phase : uint8_t {
  idle,
  connecting,
  greeting,
  restoring,
  live,
  waiting,
  closing,
  closed
};
enum class Breaker : uint8_t { closed, open, half_open };
enum class TimerKind : uint8_t { phase, probe, breaker, stable };

struct Timer {
  Instant due = Instant::never();
  uint32_t order = 0;  // of arming
};

// One session.
struct Life {
  Phase phase = Phase::idle;
  Breaker breaker = Breaker::closed;
  bool probing = false;       // this attempt is the probe
  bool said = false;          // this connection's last status is maintenance
  bool floor = false;         // maintenance_delay holds until the next Live
  bool only_backoff = false;  // the wait was announced as nothing else
  bool held = false;          // its wait is over, the ring has no room
  uint32_t failures = 0;      // consecutive
  uint32_t trips = 0;
  uint32_t attempt = 0;
  uint32_t epoch = 0;
  std::array<Timer, 4> timers;
  std::optional<Instant> place;  // booked
  Instant not_before;            // what the venue asked for, under the backoff
  Instant began;
  Instant connected;
  Instant live_since;
  std::optional<Instant> down_since;
  Duration drawn;  // decorrelated jitter: the last, or the most that it was

  [[nodiscard]] Timer& timer(TimerKind kind) { return timers[static_cast<uint8_t>(kind)]; }
  [[nodiscard]] bool has_connection() const {
    return phase != Phase::idle && phase != Phase::waiting && phase != Phase::closed;
  }
};

// What the design leaves open, decided by who compares with a run that has happened.
class Choices {
 public:
  virtual ~Choices() = default;
  // A backoff between the two; `floor`: what other waits ask at least.
  [[nodiscard]] virtual Duration draw(uint8_t session, Duration lowest, Duration highest) {
    static_cast<void>(session), static_cast<void>(highest);
    return lowest;
  }
  // Whether the ring has room for an attempt that is due now, or is waited for.
  [[nodiscard]] virtual bool room(uint8_t session) { return static_cast<void>(session), true; }
  [[nodiscard]] virtual bool room_to_wait(uint8_t session) {
    return static_cast<void>(session), true;
  }
};

class Machine {
 public:
  Machine(std::span<const Settings> sessions, Mistake mistake, Duration tick)
      : settings_(sessions),
        mistake_(mistake),
        tick_(tick),
        budget_(sessions[0].reconnect.connect_budget, sessions[0].reconnect.connect_budget_window,
                mistake),
        lives_(sessions.size()) {
    for (size_t i = 0; i < lives_.size(); ++i) lives_[i].drawn = set(i).initial_delay;
  }

  // A turn: the inputs that arrived, in order, then the timers due. The first turn starts.
  void begin_turn(Instant now, Choices& choices, std::vector<Said>& out) {
    now_ = now;
    budget_.forget(now);
    choices_ = &choices;
    out_ = &out;
    for (uint8_t i = 0; i < lives_.size(); ++i) {
      if (lives_[i].phase == Phase::idle) start(i);
    }
  }
  void take(const Input& input);
  void end_turn() {
    while (fire_next()) {
    }
    end_held();
  }
  // The two halves of end_turn(), for who looks between: the next timer that is due; who waited for
  // room.
  bool fire_next();
  void end_held() {
    for (uint8_t i = 0; i < lives_.size(); ++i) {
      if (lives_[i].held && choices_->room(i)) begin_attempt(i);
    }
  }
  void turn(Instant now, const Input& input, Choices& choices, std::vector<Said>& out) {
    begin_turn(now, choices, out);
    take(input);
    end_turn();
  }

  [[nodiscard]] const std::vector<Life>& lives() const { return lives_; }
  [[nodiscard]] const Budget& budget() const { return budget_; }
  [[nodiscard]] Instant now() const { return now_; }
  // Never where nothing is armed.
  [[nodiscard]] Instant next_deadline() const {
    Instant next = Instant::never();
    for (const Life& life : lives_) {
      for (const Timer& timer : life.timers) next = std::min(next, timer.due);
    }
    return next;
  }

 private:
  [[nodiscard]] const ReconnectSettings& set(size_t session) const {
    return settings_[session].reconnect;
  }
  [[nodiscard]] const CircuitBreakerSettings& breaker_set(size_t session) const {
    return settings_[session].circuit_breaker;
  }
  [[nodiscard]] const TimeoutSettings& timeouts(size_t session) const {
    return settings_[session].timeouts;
  }
  [[nodiscard]] bool is(Mistake mistake) const { return mistake_ == mistake; }

  void start(uint8_t session);
  void begin_attempt(uint8_t session);
  void greet(uint8_t session, bool maintenance);
  void all_clear(uint8_t session);
  void lose(uint8_t session, Input loss);
  [[nodiscard]] bool fail(uint8_t session);
  void wait(uint8_t session, const Input& loss, bool was_live);
  [[nodiscard]] Duration backoff(uint8_t session);
  void reconnect(uint8_t session);
  void close(uint8_t session);
  void finish(uint8_t session, Reason reason);
  void stable(uint8_t session);
  void fire(uint8_t session, TimerKind kind);

  void arm(uint8_t session, TimerKind kind, Instant due) {
    const int64_t ticks = (due.ns + tick_.ns - 1) / tick_.ns;
    lives_[session].timer(kind) = {Instant{ticks * tick_.ns}, ++armed_};
  }
  void cancel(uint8_t session, TimerKind kind) { lives_[session].timer(kind) = {}; }
  Said& say(uint8_t session, What what, uint32_t number) {
    return out_->emplace_back(Said{.what = what, .session = session, .number = number});
  }

  std::span<const Settings> settings_;
  Mistake mistake_;
  Duration tick_;
  Budget budget_;
  std::vector<Life> lives_;
  Instant now_;
  uint32_t armed_ = 0;
  Choices* choices_ = nullptr;        // of this turn
  std::vector<Said>* out_ = nullptr;  // of this turn
};

}  // namespace havklo::model

#include "model/rules.hpp"
