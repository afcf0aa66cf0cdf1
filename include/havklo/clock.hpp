// Time as two types that cannot be mixed up, and the clock door.
//
// Instant is a point on the engine's monotonic line, Duration the distance between two of them;
// both count nanoseconds in 64 signed bits (292 years). Adding two Instants does not compile.
// Nothing below the loop reads a clock: `now` is read once per turn through a Clock and handed
// down.
// Threads: values.
// Cost:    free.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace havklo {

struct Duration {
  int64_t ns = 0;

  [[nodiscard]] static constexpr Duration nanoseconds(int64_t n) { return {n}; }
  [[nodiscard]] static constexpr Duration microseconds(int64_t n) { return {n * 1'000}; }
  [[nodiscard]] static constexpr Duration milliseconds(int64_t n) { return {n * 1'000'000}; }
  [[nodiscard]] static constexpr Duration seconds(int64_t n) { return {n * 1'000'000'000}; }

  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return {a.ns + b.ns}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return {a.ns - b.ns}; }
  friend constexpr Duration operator*(Duration a, int64_t n) { return {a.ns * n}; }
};

struct Instant {
  int64_t ns = 0;

  [[nodiscard]] static constexpr Instant never() { return {std::numeric_limits<int64_t>::max()}; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant t, Duration d) { return {t.ns + d.ns}; }
  friend constexpr Instant operator-(Instant t, Duration d) { return {t.ns - d.ns}; }
  friend constexpr Duration operator-(Instant a, Instant b) { return {a.ns - b.ns}; }
};

// 100_ms, 30_s: durations as people write them.
inline namespace literals {
consteval Duration operator""_ns(unsigned long long n) {
  return Duration::nanoseconds(static_cast<int64_t>(n));
}
consteval Duration operator""_us(unsigned long long n) {
  return Duration::microseconds(static_cast<int64_t>(n));
}
consteval Duration operator""_ms(unsigned long long n) {
  return Duration::milliseconds(static_cast<int64_t>(n));
}
consteval Duration operator""_s(unsigned long long n) {
  return Duration::seconds(static_cast<int64_t>(n));
}
consteval Duration operator""_min(unsigned long long n) {
  return Duration::seconds(static_cast<int64_t>(n) * 60);
}
}  // namespace literals

// The clock door (design: determinism). `now` never goes backwards. `utc_offset` is what to add to
// an Instant to get nanoseconds since 1970-01-01 UTC; the engine asks for it once per connection
// attempt.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() = 0;
  [[nodiscard]] virtual Duration utc_offset() = 0;
};

// A clock that moves only when told to: tests, the simulator, replay.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant start = {}) : now_(start) {}
  [[nodiscard]] Instant now() override { return now_; }
  [[nodiscard]] Duration utc_offset() override { return utc_offset_; }

  void advance(Duration by) { now_ = now_ + by; }
  void set(Instant to) { now_ = to; }
  void set_utc_offset(Duration offset) { utc_offset_ = offset; }

 private:
  Instant now_;
  Duration utc_offset_;
};

}  // namespace havklo
