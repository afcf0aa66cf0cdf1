// A progress bar on the terminal of standard error; nothing at all where that is no terminal.
//
// Owns:    the line it draws on, which it clears when it goes.
// Threads: one.
// Cost:    show() reads a clock once in 1024 calls and draws at most ten times a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace havklo {

class ProgressBar {
 public:
  // `wanted` false: it never shows.
  explicit ProgressBar(bool wanted);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` of `all`, and how many `units` so far ("turns").
  void show(uint64_t done, uint64_t all, uint64_t units, std::string_view unit);
  void clear();

 private:
  using clock = std::chrono::steady_clock;
  bool wanted_;
  bool drawn_ = false;
  uint32_t calls_ = 0;
  clock::time_point began_;
  clock::time_point next_;
};

}  // namespace havklo
