// Prints events to standard output, as text or as JSON lines.
//
// Lines are gathered and written in one go. print() writes at a lifecycle event and when much has
// gathered, and waits for the reader as long as it takes; who has to stop in time appends, and
// writes for a while. When nobody takes them any more, since the reader went away (EPIPE), the disk
// is full, or a signal came and the reader still took nothing, gone() says so; the last two are an
// error, told on stderr, after which lost() is true.
#pragma once

#include <chrono>
#include <cstddef>
#include <havklo/config.hpp>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <optional>
#include <span>
#include <string>

#include "havklo/output_format.hpp"
#include "replay/text/event.hpp"

namespace havklo {

class EventPrinter {
 public:
  EventPrinter(OutputFormat format, bool colour);
  ~EventPrinter();
  EventPrinter(const EventPrinter&) = delete;
  EventPrinter& operator=(const EventPrinter&) = delete;

  // As EventText. A line of JSON has "time_ns" anyway, and with show_utc() "utc" beside it.
  void count_from(Instant origin) { text_.count_from(origin); }
  void show_utc(Duration utc_offset) {
    utc_offset_ = utc_offset;
    text_.show_utc(utc_offset);
  }
  void name_sessions(std::span<const Settings> sessions) { text_.name_sessions(sessions); }
  void print(const Event& event, const Names& names);
  void flush();

  void append(const Event& event, const Names& names);
  // What the reader takes within that time; false: a signal ended it.
  bool write_for(std::chrono::milliseconds at_most);
  // Something is not written yet; so much that no more should be appended.
  [[nodiscard]] bool waits() const { return written_ < gathered_.size(); }
  [[nodiscard]] bool is_full() const;
  // Nobody has read what still waits, and nobody will.
  void give_up();

  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  [[nodiscard]] int output() const;
  void write_some();
  void lose(const char* why);

  OutputFormat format_;
  replay::EventText text_;
  std::optional<Duration> utc_offset_;
  int own_output_;  // standard output, opened so that it never waits; -1: it cannot be
  size_t write_bytes_max_;
  std::string gathered_;
  size_t written_ = 0;  // of it
  bool gone_ = false;
  bool lost_ = false;
};

// Standard output is a terminal and NO_COLOR is not set.
[[nodiscard]] bool wants_colour();

}  // namespace havklo
