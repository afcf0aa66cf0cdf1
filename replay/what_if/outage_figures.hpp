// The outages in a stream of events, in figures: what `--with` compares.
//
// Owns:    the figures; fed by add(), event after event, of one session.
// Threads: one.
// Rules:   an outage begins when the strategy lost the venue: at Disconnected, or, when the loss is
//          a silence (heartbeat_timeout), at the last event before it, because from there nothing
//          was known. It ends at SubscriptionsRestored. The time before the first all clear is an
//          outage only if an attempt failed in it. An attempt begins where its wait ends. A book is
//          lost from the outage's begin, or from ChecksumMismatch, BookInvalid, BookStale,
//          Unsubscribed or Overrun, until its next snapshot is complete.
#pragma once

#include <cstdint>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace havklo::replay {

struct Outage {
  Instant begin;
  Instant noticed;                       // Disconnected; `begin` for the first connect
  Reason reason = Reason::none;          // none: the first connect
  std::optional<Instant> first_connect;  // Connected
  std::optional<Instant> all_clear;      // none: not over when the events end
  std::vector<Instant> attempts;         // when they began
  uint32_t trips = 0;
  std::map<std::string, Duration> books_lost;  // by symbol

  // `last`: where the events end.
  [[nodiscard]] Instant end(Instant last) const { return all_clear.value_or(last); }
};

struct OutageFigures {
  std::vector<Outage> outages;
  // Outside of outages: repairs of single books.
  std::map<std::string, Duration> repairs;
  uint32_t attempts = 0;  // of the whole run, the first connect included
  // The most attempts in any ten minutes that end within this outage.
  [[nodiscard]] uint32_t attempts_in_ten_minutes(const Outage& outage, Instant last) const;
  std::vector<Instant> attempt_times;  // of the whole run
  Instant first;
  Instant last;
};

class OutageMeter {
 public:
  // `start`: the first turn, which begins to connect.
  explicit OutageMeter(Instant start);

  void add(const Event& event, const Names& names);
  // The events end here; what is open is counted up to it.
  [[nodiscard]] OutageFigures finish(Instant last);

 private:
  struct Book {
    bool has_been_good = false;
    std::optional<Instant> lost_at;
  };
  void begin_attempt(const Event& event);
  void open_outage(Instant begin, Instant noticed, Reason reason);
  void close_outage(Instant now);
  void forget_goodbye();
  void lose_book(Book& book, Instant at);
  void lose_all(Instant at);
  void regain(const std::string& symbol, Book& book, Instant now);
  void book_lost(const std::string& symbol, Instant from, Instant to);

  OutageFigures figures_;
  std::map<std::string, Book> books_;
  std::optional<Outage> open_;
  bool open_counts_ = false;  // the first connect, once an attempt has failed
  std::optional<Instant> attempt_due_;
  Instant last_event_;
};

}  // namespace havklo::replay
