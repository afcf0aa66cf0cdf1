// One contender's answer to one question of the table: what a comparison program can run.
//
// A file registers what it implements, so that a program built without a library does not have that
// contender, and `list` does not name it. The same main() serves ours (bench/contenders) and the C
// and C++ peers (bench/peers/cpp); the Rust and Node peers speak the same language on the command
// line (bench/README.md), so the harness runs all of them in turn.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/version.hpp>  // HAVKLO_VERSION, which ours are registered by
#include <string>
#include <utility>
#include <vector>

namespace havklo::bench {

struct Run {
  int64_t size = 0;       // of the question: pending timers, symbols, messages a second
  bool tiny = false;      // milliseconds, for the tests: the answer is checked, the figure is none
  uint32_t cpu = 0;       // where the measured thread is pinned already
  uint32_t peer_cpu = 0;  // for the other side: a producer, a server
};

struct Figure {
  double value = 0;                                    // in the unit of the question
  std::vector<std::pair<double, double>> percentiles;  // of a question about latency: p, ns
};

// The error is one line: a wrong answer, or what this machine refuses.
using Measured = std::expected<Figure, std::string>;

struct Contender {
  std::string question;
  std::string name;
  std::string version;
  int64_t size = 0;
  Measured (*measure)(const Run&) = nullptr;
};

std::vector<Contender>& contenders();

struct Registration {
  // One question, or one for each size: `question` and "_" and the size as 1k, 100k, 1m.
  Registration(std::string question, std::string name, std::string version,
               Measured (*measure)(const Run&), std::vector<int64_t> sizes = {});
};

// Ours against itself: contenders of one question that differ in size, by which they are named.
struct Growth {
  Growth(std::string question, Measured (*measure)(const Run&), std::vector<int64_t> sizes);
};

// What the figures depend on, as one JSON object, the messages named by the caller; and why they
// must not be taken from this build (empty: they may).
std::string build_stamp(const std::string& messages);
std::string reason_to_refuse();
// What the compiler was told of everything that is measured.
std::string build_flags();

}  // namespace havklo::bench
