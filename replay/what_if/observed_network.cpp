// Between two observations.
#include "replay/what_if/observed_network.hpp"

#include <algorithm>

namespace havklo::replay {
namespace {

// How far before a recorded attempt was due one still is that attempt: a loop on a busy machine is
// late for its timers, what led to the attempt included. Behind it there is no such excuse.
constexpr Duration early_min = Duration::milliseconds(10);
constexpr Duration early_max = Duration::milliseconds(100);
constexpr int64_t early_share = 20;  // of the pause between two recorded attempts
constexpr Duration late_max = Duration::milliseconds(10);

Duration early(Duration pause) {
  return std::clamp(Duration{pause.ns / early_share}, early_min, early_max);
}

bool reaches_greeting(const ObservedAttempt& attempt) { return attempt.greeted.has_value(); }

}  // namespace

std::optional<Instant> ObservedAttempt::gone() const {
  if (end) return end->at;
  return given_up;
}

void ObservedNetwork::index_answers() {
  answers_to.clear();
  for (size_t i = 0; i < answers.size(); ++i) {
    const ObservedAnswer& each = answers[i];
    answers_to[{each.subscribe, each.channel, each.symbol}].push_back(i);
  }
}

Duration ObservedNetwork::utc_offset_at(Instant at) const {
  const auto after =
      std::ranges::upper_bound(utc_offsets, at, {}, &std::pair<Instant, Duration>::first);
  return after == utc_offsets.begin() ? header.utc_offset : (after - 1)->second;
}

Instant ObservedNetwork::awake_from(Instant at) const {
  const auto after = std::ranges::upper_bound(pauses, at, {}, &ObservedPause::from);
  if (after == pauses.begin()) return at;
  return std::max(at, (after - 1)->to);
}

Outlook ObservedNetwork::outlook(Instant now, Assume assume) const {
  if (attempts.empty()) return {};
  const auto after = std::ranges::upper_bound(attempts, now, {}, &ObservedAttempt::began);
  const ObservedAttempt* next = after == attempts.end() ? nullptr : &*after;
  const ObservedAttempt* last = after == attempts.begin() ? nullptr : &*(after - 1);
  const Duration pause =
      next != nullptr && last != nullptr ? next->began - last->began : Duration{};
  if (last != nullptr && now - last->began <= late_max) return {.like = last, .observed = true};
  if (next != nullptr && next->due - now <= early(pause)) return {.like = next, .observed = true};
  if (last == nullptr) return {.like = next};
  if (next == nullptr) return {.like = last};
  Outlook outlook{.like = last, .disputed = reaches_greeting(*last) != reaches_greeting(*next)};
  const bool was_silent = last->silent && now > last->heard;
  const auto gone = last->gone();
  if (reaches_greeting(*last) && gone && now >= *gone && !was_silent) {
    outlook.like = next;  // what was good is over: the next look says what came
  } else if (assume == Assume::next && (was_silent || !reaches_greeting(*last))) {
    outlook.like = next;
  } else if (was_silent) {
    // Nothing comes through before the recording saw something come through.
    outlook.disputed = reaches_greeting(*next);
    outlook.like = next;
    outlook.held_until = next->began;
  }
  return outlook;
}

const ObservedAnswer* ObservedNetwork::answer(const ObservedAnswer& asked, size_t nth,
                                              const ObservedAttempt& like) const {
  const auto found = answers_to.find({asked.subscribe, asked.channel, asked.symbol});
  if (found == answers_to.end()) return nullptr;
  const std::vector<size_t>& all = found->second;
  const auto index = static_cast<size_t>(&like - attempts.data());
  const auto own =
      std::ranges::lower_bound(all, index, {}, [this](size_t i) { return answers[i].attempt; });
  if (nth < static_cast<size_t>(all.end() - own) && answers[own[nth]].attempt == index) {
    return &answers[own[nth]];
  }
  const auto later =
      std::ranges::upper_bound(all, asked.asked, {}, [this](size_t i) { return answers[i].asked; });
  return &answers[later == all.begin() ? *later : *(later - 1)];
}

// Of connections that follow one another, only the last that began can be heard, or the one before,
// which it follows at the same instant.
Instant ObservedNetwork::unheard_from(Instant at) const {
  auto each = std::ranges::upper_bound(attempts, at, {}, &ObservedAttempt::began);
  for (int looked_at = 0; each != attempts.begin() && looked_at < 2; ++looked_at) {
    --each;
    if (!each->greeted || at < *each->greeted) continue;
    const Instant until = each->silent ? each->heard : each->gone().value_or(last_turn);
    if (at < until) return until;
  }
  return at;
}

}  // namespace havklo::replay
