// Draws over its own line, and leaves none behind.
#include "havklo/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace havklo {
namespace {

constexpr uint32_t calls_per_look = 1024;
constexpr auto between_drawings = std::chrono::milliseconds(100);
constexpr size_t cells = 30;

}  // namespace

ProgressBar::ProgressBar(bool wanted)
    : wanted_(wanted && ::isatty(STDERR_FILENO) == 1),
      began_(clock::now()),
      next_(began_ + between_drawings) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(uint64_t done, uint64_t all, uint64_t units, std::string_view unit) {
  if (!wanted_ || ++calls_ % calls_per_look != 0) return;
  const auto now = clock::now();
  if (now < next_) return;
  next_ = now + between_drawings;
  const double share =
      all == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
  const auto full = static_cast<size_t>(share * static_cast<double>(cells));
  std::string bar;
  for (size_t i = 0; i < cells; ++i) bar += i < full ? "━" : "─";
  const double seconds = std::chrono::duration<double>(now - began_).count();
  fmt::print(stderr, "\r\x1b[K{} {:3.0f} %  {} {}, {:.3g} M/s", bar, share * 100, units, unit,
             static_cast<double>(units) / seconds / 1e6);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace havklo
