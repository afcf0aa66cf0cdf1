// Whose state leaves, and whose waits.
#include "core/legs/published_book.hpp"

#include <algorithm>
#include <havklo/assert.hpp>

namespace havklo::core {

PublishedBook::Verdict PublishedBook::judge(uint32_t leg, uint64_t sum, int64_t time_ns,
                                            bool is_snapshot, bool overdue) {
  Copy& copy = copies_[leg];
  const bool extends = has(leg) && copy.sum == sum_ && !is_snapshot;
  copy.sum = sum;
  copy.time_ns = time_ns;
  verified_ |= 1U << leg;
  if (!whole_) return Verdict::begins;
  if (leg == leader_) return Verdict::passes;
  // A state may come again; one that is of the past leads nowhere.
  overdue = overdue && leader_ == none;
  const bool in_order = is_later_or_equal(time_ns) || overdue;
  if (sum == sum_) {
    // It is so at a later time, too: what another brings of before that is of the past.
    if (in_order && (leader_ == none || time_ns > time_ns_)) {
      leader_ = leg;
      time_ns_ = std::max(time_ns_, time_ns);
    }
    return Verdict::known;
  }
  if (extends && in_order) return Verdict::passes;
  const bool only_word = overdue || (leader_ == none && (time_ns == 0 || time_ns_ == 0));
  if (time_ns <= time_ns_ && !only_word) return Verdict::waits;
  return leader_ == none && !words_known_ ? Verdict::begins : Verdict::reconciles;
}

void PublishedBook::published(uint32_t leg) {
  whole_ = true;
  leader_ = leg;
  sum_ = copies_[leg].sum;
  time_ns_ = copies_[leg].time_ns;
}

// What was published stays so. Another copy that is the same goes on with it.
void PublishedBook::lose(uint32_t leg, const kraken::Book* last) {
  verified_ &= ~(1U << leg);
  copies_[leg].behind.forget();
  if (leader_ != leg) return;
  leader_ = none;
  for (uint32_t other = 0; other < legs_max; ++other) {
    const Copy& copy = copies_[other];
    if (!has(other) || copy.sum != sum_ || !is_later_or_equal(copy.time_ns)) continue;
    leader_ = other;
    return;
  }
  words_known_ = last != nullptr;
  if (words_known_) last_words_.take(*last);
}

uint32_t PublishedBook::best() const {
  if (leader_ != none) return leader_;
  uint32_t latest = none;
  for (uint32_t left = verified_; left != 0; left &= left - 1) {
    const auto leg = static_cast<uint32_t>(std::countr_zero(left));
    if (latest == none || copies_[leg].time_ns > copies_[latest].time_ns) latest = leg;
  }
  HAVKLO_ASSERT(latest != none);
  return latest;
}

}  // namespace havklo::core
