// Prints events to standard output, as text or as JSON lines.
//
// Lines are gathered and written in one go: at a lifecycle event, when much has gathered, and by
// flush(). When nobody takes them any more, since the reader went away (EPIPE) or the disk is full,
// gone() says so; the second is an error, told on stderr, after which lost() is true.
#pragma once

#include <cstdio>
#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <optional>
#include <string>

#include "havklo/output_format.hpp"
#include "replay/text/event.hpp"

namespace havklo {

class EventPrinter {
 public:
  EventPrinter(OutputFormat format, bool colour) : format_(format), text_(colour) {}

  // As EventText. A line of JSON has "time_ns" anyway, and with show_utc() "utc" beside it.
  void count_from(Instant origin) { text_.count_from(origin); }
  void show_utc(Duration utc_offset) {
    utc_offset_ = utc_offset;
    text_.show_utc(utc_offset);
  }
  void print(const Event& event, const Names& names);
  void flush();
  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  OutputFormat format_;
  replay::EventText text_;
  std::optional<Duration> utc_offset_;
  std::string gathered_;
  bool gone_ = false;
  bool lost_ = false;
};

// Standard output is a terminal and NO_COLOR is not set.
[[nodiscard]] bool wants_colour();

}  // namespace havklo
