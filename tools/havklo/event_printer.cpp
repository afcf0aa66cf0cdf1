// Gathering, and writing whole lines.
#include "havklo/event_printer.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "replay/text/event_json.hpp"
#include "replay/text/instant.hpp"

namespace havklo {
namespace {

constexpr size_t gathered_bytes_max = 64 * 1024;

// After a signal: whether the reader takes anything within a second. One that does not must not
// keep us from stopping.
bool is_read_again() {
  pollfd wait{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return ::poll(&wait, 1, 1000) == 1;
}

}  // namespace

void EventPrinter::print(const Event& event, const Names& names) {
  if (format_ == OutputFormat::jsonl) {
    replay::append_json(gathered_, event, names);
    if (utc_offset_) {
      gathered_.back() = ',';  // goes on where the object ended
      gathered_ += "\"utc\":\"" + replay::utc_text(event.time, *utc_offset_) + "\"}";
    }
  } else {
    text_.append(gathered_, event, names);
  }
  gathered_ += '\n';
  if (!is_market(event.kind) || gathered_.size() >= gathered_bytes_max) flush();
}

void EventPrinter::flush() {
  size_t at = 0;
  while (at < gathered_.size() && !gone_) {
    const ssize_t written = ::write(STDOUT_FILENO, gathered_.data() + at, gathered_.size() - at);
    if (written > 0) {
      at += static_cast<size_t>(written);
    } else if (errno != EINTR || !is_read_again()) {
      gone_ = true;
      lost_ = errno != EPIPE && errno != EINTR;
      if (lost_) std::fprintf(stderr, "havklo: cannot write events: %s\n", std::strerror(errno));
    }
  }
  gathered_.clear();
}

bool wants_colour() { return std::getenv("NO_COLOR") == nullptr && ::isatty(STDOUT_FILENO) == 1; }

}  // namespace havklo
