// The book that a session with several legs has published, and whose word it is.
//
// Each leg keeps a verified copy of its own. The published book is that of the leader: its next
// message passes as it is. Another copy leads from its next message on when its last state was the
// published one, or when it is later by the venue's time: then the difference leaves.
// Owns:       of each leg's copy a sum over its levels, and the venue's time of its last message;
//             of a leader that is lost what it had published, level by level.
// Not owned:  the copies (each leg's Subscription), publishing.
// Threads:    loop thread.
// Invariants: while it is whole, the leader's copy is what was published, if there is a leader; a
//             change of leader never goes back in the venue's time.
// Rules:      design §7.3.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/limits.hpp>
#include <optional>

#include "core/legs/behind.hpp"
#include "core/legs/book_copy.hpp"

namespace havklo::core {

class PublishedBook {
 public:
  // What becomes of a state that a leg has verified.
  enum class Verdict : uint8_t {
    begins,      // nothing is published, or nobody knows what: the whole book leaves
    passes,      // its changes leave as they are
    reconciles,  // the difference leaves
    known,       // it is what was published
    waits,       // it is not later
  };

  explicit PublishedBook(uint32_t depth) : last_words_(depth) {}

  [[nodiscard]] uint32_t depth() const { return last_words_.depth(); }
  // The strategy has a book.
  [[nodiscard]] bool is_whole() const { return whole_; }
  [[nodiscard]] uint32_t verified() const { return verified_; }  // a bit for each leg

  // A leg's copy has verified, with this sum, at a message of this time (0: it has none).
  // `overdue`: for so long nobody has led that the venue's times are asked no longer.
  [[nodiscard]] Verdict judge(uint32_t leg, uint64_t sum, int64_t time_ns, bool is_snapshot,
                              bool overdue = false);
  // Whose copy is what was published; none: last_words() are.
  [[nodiscard]] std::optional<uint32_t> leader() const {
    return leader_ == none ? std::nullopt : std::optional(leader_);
  }
  [[nodiscard]] const BookCopy& last_words() const { return last_words_; }

  // What `leg` has now was published.
  void published(uint32_t leg);
  // The strategy has no book any more.
  void forget() {
    whole_ = false;
    leader_ = none;
    for (Copy& copy : copies_) copy.behind.forget();
  }

  // The leg's copy no longer counts. `last`: as it was when it verified last; null: nobody knows.
  void lose(uint32_t leg, const kraken::Book* last);

  // How far a leg is behind, after what was published or what it has verified.
  [[nodiscard]] Behind& behind(uint32_t leg) { return copies_[leg].behind; }
  // … which says which legs are behind: a bit for each.
  [[nodiscard]] uint32_t see_behind(Instant now) {
    uint32_t late = 0;
    for (uint32_t left = verified_ & ~(1U << leader_); left != 0; left &= left - 1) {
      const auto leg = static_cast<uint32_t>(std::countr_zero(left));
      Copy& copy = copies_[leg];
      if (copy.sum == sum_) copy.behind.forget();
      if (copy.sum == sum_ || copy.time_ns >= time_ns_) continue;
      copy.behind.see(time_ns_, now);
      late |= 1U << leg;
    }
    return late;
  }
  // True: the leg has come as far as it has, and is behind.
  [[nodiscard]] bool see_advance(uint32_t leg, Instant now) {
    Copy& copy = copies_[leg];
    if (copy.sum == sum_) {
      copy.behind.forget();
      return false;
    }
    copy.behind.advance(copy.time_ns, time_ns_, now);
    return copy.behind.since() != Instant::never();
  }

  // A leg whose copy can stand for the session: the leader's, or the latest.
  [[nodiscard]] uint32_t best() const;

 private:
  static constexpr uint32_t none = legs_max;
  struct Copy {
    uint64_t sum = 0;
    int64_t time_ns = 0;
    Behind behind;
  };

  [[nodiscard]] bool is_later_or_equal(int64_t time_ns) const {
    return time_ns >= time_ns_ || time_ns == 0;
  }
  [[nodiscard]] bool has(uint32_t leg) const { return (verified_ >> leg & 1U) != 0; }

  BookCopy last_words_;
  bool words_known_ = false;
  std::array<Copy, legs_max> copies_;
  uint32_t verified_ = 0;
  uint32_t leader_ = none;
  bool whole_ = false;
  uint64_t sum_ = 0;
  int64_t time_ns_ = 0;
};

}  // namespace havklo::core
