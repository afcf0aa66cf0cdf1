// How long one leg has not reached what was published, by the rule of the marks: what it lacks when
// it first falls behind is its mark; one that reaches its mark and is still behind gets the next,
// from then on.
// Threads: values.
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <optional>

namespace havklo::replay {

struct SeenBehind {
  int64_t mark = 0;
  std::optional<Instant> since;

  // It has come to `reached`; what was published is at `published`. `level`: it has all of that.
  void see(int64_t reached, int64_t published, bool level, Instant now) {
    if (since && reached >= mark) since.reset();
    if (level || reached >= published) return since.reset();
    if (since) return;
    mark = published;
    since = now;
  }
};

}  // namespace havklo::replay
