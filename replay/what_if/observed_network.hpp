// What a recording knows of its network: the answer to "what would have happened then?", as far as
// there is one.
//
// Owns:    the observations: each attempt to connect and what became of it, each request and its
//          answer, every message of the feed with the instant at which it came.
// Threads: one.
// Rules:   WHAT_IF.md. An attempt that begins where the recording made one goes as that one did.
//          Between two of them nobody looked: Assume says which of the two holds.
// Cost:    the recorded feed in memory, about as large as the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/command.hpp>
#include <havklo/event.hpp>
#include <havklo/transport.hpp>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "replay/recording/reader.hpp"
#include "replay/what_if/outage_figures.hpp"

namespace havklo::replay {

// What a venue answers to an upgrade, and the longest request it reads.
inline constexpr uint16_t http_switching_protocols = 101;
inline constexpr uint32_t request_bytes_max = 64 * 1024;

// What holds between two observations that differ.
enum class Assume : uint8_t {
  last,  // the last one, until the next: the venue comes back when the recording saw it back
  next,  // the next one, at once: it was back right after the recording saw it gone
};

// How a connection ended from the other side.
struct ObservedEnd {
  enum class Kind : uint8_t { closed, close_frame, bytes };
  Kind kind = Kind::closed;
  Instant at;
  Reason reason = Reason::none;  // closed
  CertificateFault certificate = CertificateFault::none;
  int32_t os_error = 0;
  uint16_t code = 0;  // close_frame
  std::string text;   // close_frame: its reason; bytes: what came, which ended the connection
};

// One attempt to connect and the life of what came of it. A phase that has no instant was not
// reached; if then there is no end either, nothing came any more.
struct ObservedAttempt {
  Instant due;  // when its wait was over; a live loop begins it a little later
  Instant began;
  std::optional<Instant> opened;
  std::optional<Instant> asked;     // our upgrade request left
  std::optional<Instant> answered;  // HTTP
  std::optional<Instant> greeted;   // the venue's status
  std::optional<Instant> live;      // all clear
  std::optional<ObservedEnd> end;
  std::optional<Instant> given_up;  // by us
  Instant heard;                    // the last that came
  bool silent = false;              // given up because nothing came
  bool cut_short = false;           // ended by the user, or by the end of the recording
  Endpoint peer;
  bool tls_resumed = false;
  uint16_t http_status = 0;
  std::string answer;  // other than a good 101: as it came
  std::string greeting;

  [[nodiscard]] std::optional<Instant> gone() const;  // whoever ended it
};

// A request for one symbol, and its answer.
struct ObservedAnswer {
  enum class Kind : uint8_t { none, good, refused };
  size_t attempt = 0;  // index of the connection
  bool subscribe = true;
  Channel channel = Channel::book;
  std::string symbol;
  Instant asked;
  Kind kind = Kind::none;
  Instant answered;
  std::string error;
  bool error_names_symbol = false;
  std::optional<Instant> snapshot;
};

struct FeedItem {
  // one_connection: said to one connection alone, as "Exceeded msg rate" is.
  enum class Kind : uint8_t { heartbeat, status, market, one_connection };
  Instant at;
  Kind kind = Kind::heartbeat;
  Channel channel = Channel::book;
  uint32_t symbol = 0;    // into symbols
  size_t attempt = 0;     // index of the connection that heard it
  bool snapshot = false;  // of a book
  std::string text;
};

// The process was not running, or late: a timer was due at `from`, and the next turn began at `to`.
struct ObservedPause {
  Instant from;
  Instant to;
};

// What an attempt at some instant meets.
struct Outlook {
  const ObservedAttempt* like = nullptr;  // it goes as this one did; null: nothing answers
  std::optional<Instant> held_until;      // … but not before
  bool observed = false;                  // the recording made this attempt
  bool disputed = false;                  // the observations before and after it disagree
};

struct ObservedNetwork {
  RecordingHeader header;
  Instant first_turn;
  Instant last_turn;
  uint64_t turns = 0;
  std::string torn;
  std::vector<ObservedAttempt> attempts;
  std::vector<ObservedAnswer> answers;
  // Of each request, where its answers are, in their order: made by index_answers().
  std::map<std::tuple<bool, Channel, std::string>, std::vector<size_t>> answers_to;
  std::vector<FeedItem> feed;
  std::vector<std::string> symbols;
  std::vector<std::pair<Instant, Command>> commands;
  std::vector<std::pair<Instant, Duration>> utc_offsets;
  std::vector<ObservedPause> pauses;
  uint32_t rate_errors = 0;  // "Exceeded msg rate": not reproduced
  OutageFigures recorded;

  // Once all answers are there.
  void index_answers();
  // What makes engine time UTC, as it was last read at `at`.
  [[nodiscard]] Duration utc_offset_at(Instant at) const;
  // When a turn that would begin at `at` began on the recorded machine.
  [[nodiscard]] Instant awake_from(Instant at) const;
  [[nodiscard]] Outlook outlook(Instant now, Assume assume) const;
  // The answer that a request gets: the `nth` like it on a connection that goes as `like`, else the
  // last one before. Null: never seen.
  [[nodiscard]] const ObservedAnswer* answer(const ObservedAnswer& asked, size_t nth,
                                             const ObservedAttempt& like) const;
  // The first instant from `at` on at which the recording heard no feed.
  [[nodiscard]] Instant unheard_from(Instant at) const;
};

}  // namespace havklo::replay
