// How far one leg is behind what was published of one wish.
//
// What was published is a growing number: a venue time, a trade's id. A leg that has not reached it
// gets a mark there. One that reaches its mark is as late as that took, and gets the next; so one
// that is late by a little all the time is not taken for one that stands still.
// Threads: values.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>

namespace havklo::core {

class Behind {
 public:
  // Something was published, and the leg has not got so far.
  void see(int64_t published, Instant now) {
    if (marked_at_ != Instant::never()) return;
    mark_ = published;
    marked_at_ = now;
  }
  // The leg has come to `reached`, and that is not all.
  void advance(int64_t reached, int64_t published, Instant now) {
    if (marked_at_ != Instant::never() && reached < mark_) return;
    forget();
    if (reached < published) see(published, now);
  }
  // It has all that was published, or nothing that could be compared.
  void forget() { marked_at_ = Instant::never(); }

  // Since when it is behind its mark; never(): it is not.
  [[nodiscard]] Instant since() const { return marked_at_; }

 private:
  int64_t mark_ = 0;
  Instant marked_at_ = Instant::never();
};

}  // namespace havklo::core
