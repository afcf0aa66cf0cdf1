// Gathering, and writing no more than the reader takes.
#include "havklo/event_printer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "replay/text/event_json.hpp"
#include "replay/text/instant.hpp"

namespace havklo {
namespace {

constexpr size_t gathered_bytes_max = 64 * 1024;

// After a signal a reader that does not take anything must not keep us from stopping.
constexpr std::chrono::seconds patience_after_signal{1};

bool is_standard_output(mode_t kind) {
  struct stat status {};
  return ::fstat(STDOUT_FILENO, &status) == 0 && (status.st_mode & S_IFMT) == kind;
}

// A pipe or a terminal once more, with a mode of its own: that of standard output belongs to the
// shell and to whoever else writes there. A terminal that poll() calls writable may wait all the
// same, as one that somebody has stopped with Ctrl-S.
int open_without_waiting() {
  if (!is_standard_output(S_IFIFO) && ::isatty(STDOUT_FILENO) != 1) return -1;
  return ::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

// A file takes anything; of the others it is PIPE_BUF that is written without waiting when poll()
// says so (pipe(7)).
size_t bytes_taken_at_once(int own_output) {
  return own_output >= 0 || is_standard_output(S_IFREG) ? gathered_bytes_max : PIPE_BUF;
}

// The output takes something; 0: not in time. Negative: a signal came.
int wait_for_reader(int output, std::chrono::milliseconds at_most) {
  pollfd wait{.fd = output, .events = POLLOUT, .revents = 0};
  return ::poll(&wait, 1, static_cast<int>(at_most.count()));
}

constexpr std::chrono::milliseconds for_ever{-1};

}  // namespace

EventPrinter::EventPrinter(OutputFormat format, bool colour)
    : format_(format),
      text_(colour),
      own_output_(open_without_waiting()),
      write_bytes_max_(bytes_taken_at_once(own_output_)) {}

EventPrinter::~EventPrinter() {
  if (own_output_ >= 0) ::close(own_output_);
}

int EventPrinter::output() const { return own_output_ >= 0 ? own_output_ : STDOUT_FILENO; }

void EventPrinter::append(const Event& event, const Names& names) {
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
}

bool EventPrinter::is_full() const { return gathered_.size() - written_ >= gathered_bytes_max; }

void EventPrinter::print(const Event& event, const Names& names) {
  append(event, names);
  if (!is_market(event.kind) || is_full()) flush();
}

void EventPrinter::flush() {
  if (write_for(for_ever)) return;
  write_for(patience_after_signal);
  if (waits()) give_up();
}

bool EventPrinter::write_for(std::chrono::milliseconds at_most) {
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + at_most;
  while (waits() && !gone_) {
    auto left = for_ever;
    if (at_most != for_ever) {
      left = std::max(std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()), {});
    }
    const int ready = wait_for_reader(output(), left);
    if (ready < 0) return false;
    if (ready == 0) return true;
    write_some();
  }
  gathered_.clear();
  written_ = 0;
  return true;
}

void EventPrinter::write_some() {
  const size_t bytes = std::min(gathered_.size() - written_, write_bytes_max_);
  const ssize_t written = ::write(output(), gathered_.data() + written_, bytes);
  if (written >= 0) {
    written_ += static_cast<size_t>(written);
  } else if (errno == EPIPE) {
    gone_ = true;
  } else if (errno != EINTR && errno != EAGAIN) {
    lose(errno == EBADF ? "standard output is closed" : std::strerror(errno));
  }
}

void EventPrinter::give_up() {
  if (waits() && !gone_) lose("nobody reads standard output");
}

void EventPrinter::lose(const char* why) {
  gone_ = lost_ = true;
  std::fprintf(stderr, "havklo: cannot write events: %s\n", why);
}

bool wants_colour() { return std::getenv("NO_COLOR") == nullptr && ::isatty(STDOUT_FILENO) == 1; }

}  // namespace havklo
